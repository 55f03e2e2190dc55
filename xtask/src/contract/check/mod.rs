//! `cargo xtask check`: has anything drifted from the contract?
//!
//! The contract is compared with itself (`rules`, `examples`), with what the server's code declares and
//! decides by (`server`), with the files made from it (`generated`, `readme`) and with the last release (`history`).
//! All of it is one pure function from [`Inputs`] to findings: the self-test feeds it mutated inputs.
//!
//! The other half, what a running server does, is compared in `coverage`, from what the tests recorded.

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
    accepted::{ACCEPTED, Now},
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
    accepted::apply(files.get(ACCEPTED), &now, &mut list, |id| {
        !id.starts_with("LIVE-")
    });
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
