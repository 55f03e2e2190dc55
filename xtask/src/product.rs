//! What runs the whole product: the demo and schemathesis. Both are programs of the package `billing-portal-tests`, built
//! together with the service, so that cargo builds what they share once.

use std::process::ExitCode;

use anyhow::Result;
use xshell::cmd;

use crate::workspace;

/// Runs the demo until Ctrl-C, or `once` through every outcome.
pub(crate) fn demo(once: bool) -> Result<ExitCode> {
    run_program("demo", if once { &["--once"] } else { &[] })
}

/// Runs schemathesis against the service.
pub(crate) fn schemathesis() -> Result<ExitCode> {
    run_program("schemathesis", &[])
}

/// Builds the service and a program without what only the tests need, and becomes the program.
fn run_program(name: &str, arguments: &[&str]) -> Result<ExitCode> {
    let shell = workspace::shell()?;
    let build = cmd!(
        shell,
        "cargo build --no-default-features --features billing-portal-tests/programs --package billing-portal-server --bin billing-portal
         --package billing-portal-tests --bin {name}"
    );
    build.quiet().run()?;
    let programs = workspace::target()?.join("debug");
    let program = programs.join(name);
    let command = cmd!(shell, "{program} {arguments...}");
    workspace::become_program(command.env("XTASK_SERVICE_BINARY", programs.join("billing-portal")))
}
