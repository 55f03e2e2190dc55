//! The commands that read the contract.

mod check;
mod coverage;
mod gen_outcomes;
mod gen_rust_sdk;
mod gen_typescript;
mod generate;
mod release;
mod sbom;
mod self_test;

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context, Result, anyhow};
use billing_portal_tests::contract::document::{CONTRACT, Document};
use sha2::{Digest, Sha256};

use self::check::{inputs::Inputs, report};
use crate::{Command, workspace};

/// Runs a command that reads the contract.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    let root = workspace::root()?;
    match command {
        Command::Generate => generate::run(&root).map(|()| ExitCode::SUCCESS),
        Command::Check { format } => {
            let findings = check::findings(&Inputs::gather(&root)?);
            Ok(report::report(
                &findings,
                format,
                &report::nothing_has_drifted(),
            ))
        }
        Command::Explain { id } => Ok(report::explain(id.as_deref())),
        Command::Coverage { format } => coverage::run(&root, format),
        Command::Release { version } => release::run(&root, &version).map(|()| ExitCode::SUCCESS),
        Command::Typescript => gen_typescript::test().map(|()| ExitCode::SUCCESS),
        Command::SelfTest => self_test::run(Inputs::gather(&root)?),
        Command::Ci | Command::Demo { .. } | Command::Dependencies | Command::Schemathesis => {
            unreachable!("these do not read the contract")
        }
    }
}

/// The contract.
fn read_contract(root: &Path) -> Result<Document> {
    parse(CONTRACT, &read(root, CONTRACT)?)
}

/// A YAML document, or the line at which it cannot be read.
fn parse(file: &str, text: &str) -> Result<Document> {
    let document = Document::parse(file, text);
    document.map_err(|error| anyhow!("{file}:{}: {}", error.line, error.reason))
}

/// The text of a file of the workspace, with line ends as the repository has them.
fn read(root: &Path, file: &str) -> Result<String> {
    let text = fs::read_to_string(root.join(file)).with_context(|| file.to_owned())?;
    Ok(text.replace("\r\n", "\n"))
}

/// The SHA-256 of a text, in hexadecimal.
fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}
