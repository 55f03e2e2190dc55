//! `cargo xtask check`: has anything drifted from the contract?
//!
//! The contract is compared with itself (`rules`, `examples`), with what the server's code declares and
//! decides by (`server`), with the files made from it (`generated`, `readme`) and with the last release (`history`).
//! All of it is one pure function from [`Evidence`] to findings: the self-test feeds it evidence that lies.
//!
//! The other half, what a running server does, is judged from what the tests recorded: `crate::coverage`.

pub(crate) mod catalogue;
pub(crate) mod change;
pub(crate) mod contract;
pub(crate) mod difference;
pub(crate) mod evidence;
pub(crate) mod examples;
pub(crate) mod finding;
pub(crate) mod generated;
pub(crate) mod handed_over;
pub(crate) mod history;
pub(crate) mod normalise;
pub(crate) mod readme;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod server;

use self::{contract::Contract, evidence::Evidence, finding::Finding};
use crate::document::{CONTRACT, Document};

/// How the files end whose samples are checked.
const README: &str = "README.md";

/// Everything that has drifted.
pub(crate) fn findings(evidence: &Evidence) -> Vec<Finding> {
    let text = evidence.files.get(CONTRACT).map_or("", String::as_str);
    let contract = match Document::parse(CONTRACT, text) {
        Ok(document) => Contract::new(document),
        // Nothing can be compared with a contract that cannot be read.
        Err(error) => {
            return vec![
                Finding::in_file("DOC-YAML", CONTRACT, error.line).says("reader", error.reason),
            ];
        }
    };
    let mut findings = rules::check(&contract);
    findings.extend(examples::check(&contract));
    match &evidence.declared {
        Ok(declared) => findings.extend(server::check(&contract, declared)),
        Err(reason) => findings
            .push(Finding::in_file("META-SERVER", CONTRACT, 1).says("server", reason.clone())),
    }
    for (file, text) in evidence
        .files
        .iter()
        .filter(|(file, _)| file.ends_with(README))
    {
        findings.extend(readme::check(&contract, file, text));
    }
    findings.extend(generated::check(&contract.written, &evidence.files));
    findings.extend(history::check(&contract, &evidence.files));
    findings.extend(handed_over::check(&evidence.files));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn nothing_has_drifted() {
        let findings = findings(&Evidence::gather(&workspace::root()));
        let told: String = findings.iter().map(Finding::to_text).collect();
        assert!(findings.is_empty(), "{told}");
    }
}
