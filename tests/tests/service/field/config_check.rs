//! `config check` of the real binary over valid settings, some of which a test replaces.

use serde_json::Value;

use crate::harness::process::command;

/// Valid settings of a deployment in production.
const VALID: [(&str, &str); 3] = [
    ("RETURN_URL_ALLOW_LIST", "https://app.example.com"),
    ("STRIPE_SECRET_KEY", "rk_live_valid0000000000000000"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_valid00000000000000"),
];

/// What `config check` reports.
#[derive(Debug)]
pub(crate) struct Report {
    /// The setting or variable and what is wrong with it.
    pub(crate) problems: Vec<(String, String)>,
    pub(crate) warnings: Vec<(String, String)>,
}

impl Report {
    /// The one problem, which must be about this setting or variable.
    #[track_caller]
    pub(crate) fn problem(&self, setting: &str) -> &str {
        match self.problems.as_slice() {
            [(named, problem)] if named == setting => problem,
            _ => panic!("one problem of {setting} is expected: {self:?}"),
        }
    }

    /// The one warning, which must be about this setting or variable, beside no problem.
    #[track_caller]
    pub(crate) fn warning(&self, setting: &str) -> &str {
        match (self.problems.as_slice(), self.warnings.as_slice()) {
            ([], [(named, warning)]) if named == setting => warning,
            _ => panic!("one warning of {setting} is expected: {self:?}"),
        }
    }

    /// Neither problems nor warnings.
    #[track_caller]
    pub(crate) fn assert_clean(&self, why: &str) {
        let found = (&self.problems, &self.warnings);
        assert_eq!(found, (&Vec::new(), &Vec::new()), "{why}");
    }
}

/// The variables of the valid settings with these on top, with the prefix.
pub(crate) fn variables(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = VALID.iter().chain(settings);
    all.map(|(name, value)| (format!("BILLING_PORTAL_{name}"), (*value).to_owned()))
        .collect()
}

/// What the binary prints with these arguments and, on top of the valid settings, these.
pub(crate) async fn run(arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = command(arguments, &variables(settings)).output().await;
    let output = output.expect("the binary runs");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("what is printed is UTF-8");
    (output.status.code(), text)
}

/// `config check` with these settings on top of the valid ones.
pub(crate) async fn check(settings: &[(&str, &str)]) -> Report {
    check_with(&[], settings).await
}

/// `config check` with the TOML file of `--config`; variables win over the file.
pub(crate) async fn check_with(options: &[&str], settings: &[(&str, &str)]) -> Report {
    let arguments = [&["config", "check", "--json"], options].concat();
    let (code, printed) = run(&arguments, settings).await;
    let answer: Value = serde_json::from_str(&printed).expect("one JSON value");
    let list = |name: &str| {
        let text = |item: &Value, field: &str| item[field].as_str().expect("a text").to_owned();
        let items = answer[name].as_array().into_iter().flatten();
        items
            .map(|item| (text(item, "setting"), text(item, "problem")))
            .collect::<Vec<_>>()
    };
    let (problems, warnings) = (list("problems"), list("warnings"));
    let ok = problems.is_empty();
    assert_eq!((code, &answer["ok"]), (Some(i32::from(!ok)), &ok.into()));
    Report { problems, warnings }
}
