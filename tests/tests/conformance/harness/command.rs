//! Commands of `billing-portal`, run in this process.

use std::collections::BTreeMap;

use billing_portal_server::cli;

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Settings as environment variables.
pub(crate) fn variables(settings: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let prefixed =
        |(name, value): (&String, &String)| (format!("BILLING_PORTAL_{name}"), value.clone());
    settings.iter().map(prefixed).collect()
}

/// Runs `billing-portal` with these arguments and variables, and no others.
pub(crate) async fn run(arguments: &[&str], variables: &[(String, String)]) -> Outcome {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let arguments = ["billing-portal"]
        .iter()
        .chain(arguments)
        .map(|argument| (*argument).to_owned());
    let code = cli::run(arguments, variables.to_vec(), &mut stdout, &mut stderr).await;
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Outcome {
        code,
        stdout: text(stdout),
        stderr: text(stderr),
    }
}
