//! Commands of `billing-portal`, run in this process.

use std::collections::BTreeMap;

use billing_portal_server::cli::{self, Terminals};

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

/// Runs `billing-portal` with these arguments and variables, and no others; standard input is empty.
pub(crate) async fn run(arguments: &[&str], variables: &[(String, String)]) -> Outcome {
    run_with_input(arguments, variables, "").await
}

/// The same with this text on standard input.
pub(crate) async fn run_with_input(
    arguments: &[&str],
    variables: &[(String, String)],
    input: &str,
) -> Outcome {
    run_on(Terminals::default(), arguments, variables, input).await
}

/// The same with standard output and standard error as terminals or not.
pub(crate) async fn run_on(
    terminals: Terminals,
    arguments: &[&str],
    variables: &[(String, String)],
    input: &str,
) -> Outcome {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let arguments = ["billing-portal"]
        .iter()
        .chain(arguments)
        .map(|argument| (*argument).to_owned());
    let (mut stdin, variables) = (input.as_bytes(), variables.to_vec());
    let (out, err) = (&mut stdout, &mut stderr);
    let code = cli::run(arguments, variables, &mut stdin, out, err, terminals);
    let code = code.await;
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Outcome {
        code,
        stdout: text(stdout),
        stderr: text(stderr),
    }
}
