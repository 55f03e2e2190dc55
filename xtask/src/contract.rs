//! The commands that read the contract.

mod changes;
mod check;
mod coverage;
mod files;
mod gen_typescript;
mod generate;
mod release;
mod released_sdk;
mod self_test;

use std::process::ExitCode;

use anyhow::Result;

use self::check::{
    inputs::Inputs,
    report::{self, NOTHING_HAS_DRIFTED},
};
use crate::{commands::Command, workspace};

/// Runs a command that reads the contract.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    let root = workspace::root()?;
    let done = match command {
        Command::Generate => generate::run(&root),
        Command::Release { version } => release::run(&root, &version),
        Command::Typescript => gen_typescript::test(),
        Command::Changes { format } => changes::run(&root, format),
        Command::Check { format } => {
            let findings = check::findings(&Inputs::gather(&root)?);
            return Ok(report::report(&findings, format, NOTHING_HAS_DRIFTED));
        }
        Command::Explain { id } => return Ok(report::explain(id.as_deref())),
        Command::Coverage { format } => return coverage::run(&root, format),
        Command::SelfTest => return self_test::run(Inputs::gather(&root)?),
        Command::Bench { .. }
        | Command::Ci
        | Command::Demo { .. }
        | Command::Dependencies
        | Command::Schemathesis => unreachable!("these do not read the contract"),
    };
    done.map(|()| ExitCode::SUCCESS)
}
