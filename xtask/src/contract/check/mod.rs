//! `cargo xtask check`: has anything drifted from the contract?
//!
//! The contract is compared with itself (`rules`, `examples`), with what the server's code declares and
//! decides by (`server`), with the files made from it (`generated`, `readme`) and with the last release (`history`).
//! All of it is one pure function from [`Inputs`] to findings: the self-test feeds it inputs that lies.
//!
//! The other half, what a running server does, is judged from what the tests recorded: `crate::coverage`.

pub(crate) mod accepted;
pub(crate) mod change;
pub(crate) mod examples;
pub(crate) mod finding;
pub(crate) mod finding_docs;
pub(crate) mod generated;
pub(crate) mod history;
pub(crate) mod inputs;
pub(crate) mod meaning;
pub(crate) mod proved_elsewhere;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod samples;
pub(crate) mod secrets;
pub(crate) mod server;

use std::path::Path;

use self::{
    accepted::Now,
    finding::{Finding, Findings},
    inputs::{Declared, Inputs},
};
use billing_portal_tests::contract::{
    Contract,
    document::{CONTRACT, Document},
};

/// Whether the samples of a file are checked; the CHANGELOG shows what used to work.
fn is_documentation(file: &str) -> bool {
    let is_markdown = Path::new(file).extension().is_some_and(|kind| kind == "md");
    is_markdown && file != "CHANGELOG.md" && !file.starts_with("xtask/")
}

/// Everything that has drifted.
pub(crate) fn findings(inputs: &Inputs) -> Vec<Finding> {
    let files = &inputs.files;
    let text = files.get(CONTRACT).map_or("", String::as_str);
    let contract = match Document::parse(CONTRACT, text) {
        Ok(document) => Contract::new(document),
        Err(error) => {
            // Nothing can be compared with a contract that cannot be read.
            let mut finding = Finding::new("DOC-YAML", CONTRACT, error.line);
            finding.says("reader", error.reason);
            return vec![finding];
        }
    };
    let mut found = Findings::about(&contract);
    rules::check(&mut found);
    if found.list.iter().any(|finding| finding.id == "DOC-OPENAPI") {
        // What is not a document of the expected shape cannot be compared either.
        return found.list;
    }
    compare(inputs, &mut found);
    let now = Now {
        version: contract.version(),
        today: &inputs.today,
    };
    let mut list = found.list;
    accepted::apply(files, &now, &mut list, |id| !id.starts_with("LIVE-"));
    list
}

/// Compares everything with a contract that has the expected shape.
fn compare(inputs: &Inputs, found: &mut Findings<'_>) {
    let files = &inputs.files;
    examples::check(found);
    inputs::check(inputs, found);
    secrets::check(files, found);
    match &inputs.declared {
        Declared::Document(declared) => server::check(declared, found),
        Declared::Unavailable(reason) => drop(
            found
                .in_file("META-SERVER", CONTRACT, 1)
                .says("server", reason),
        ),
    }
    for (file, text) in files.iter().filter(|(file, _)| is_documentation(file)) {
        samples::check(file, text, found);
    }
    generated::check(files, found);
    history::check(files, found);
    proved_elsewhere::check(files, found);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn nothing_has_drifted() {
        let root = workspace::root().expect("the tests run in the workspace");
        let findings = findings(&Inputs::gather(&root).expect("the workspace can be read"));
        let text: String = findings.iter().map(Finding::to_text).collect();
        assert!(findings.is_empty(), "{text}");
    }
    #[test]
    fn t1_no_path_of_the_build_machine_is_in_any_crate() {
        let root = workspace::root().expect("the tests run in the workspace");
        let files = Inputs::without_server(&root)
            .expect("the workspace can be read")
            .files;
        let mut sources = 0;
        for (file, text) in files
            .iter()
            .filter(|(file, _)| Path::new(file).extension().is_some_and(|kind| kind == "rs"))
        {
            sources += 1;
            for variable in [
                "CARGO_MANIFEST_DIR",
                "CARGO\"",
                "CARGO_TARGET_TMPDIR",
                "CARGO_BIN_EXE",
                "OUT_DIR",
            ] {
                let baked_in = format!("env!(\"{variable}");
                let line = text.lines().position(|line| line.contains(&baked_in));
                assert!(line.is_none(), "{file}:{line:?} has {baked_in}");
            }
        }
        assert!(sources > 100, "only {sources} sources were read");
    }
}
