//! The commands that read the contract.

mod changes;
mod check;
mod coverage;
mod files;
mod gen_outcomes;
mod gen_rust_sdk;
mod gen_typescript;
mod generate;
mod release;
mod sbom;
mod self_test;

use std::process::ExitCode;

use anyhow::Result;

use self::check::{inputs::Inputs, report};
use crate::{commands::Command, workspace};

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
        Command::Changes { format } => changes::run(&root, format),
        Command::Release { version } => release::run(&root, &version).map(|()| ExitCode::SUCCESS),
        Command::Typescript => gen_typescript::test().map(|()| ExitCode::SUCCESS),
        Command::SelfTest => self_test::run(Inputs::gather(&root)?),
        Command::Ci | Command::Demo { .. } | Command::Dependencies | Command::Schemathesis => {
            unreachable!("these do not read the contract")
        }
    }
}
