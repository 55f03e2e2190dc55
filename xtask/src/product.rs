//! What runs the whole product: the demo, schemathesis and the bench. They are programs of the package
//! `billing-portal-tests`. The first two are built together with the service, so that cargo builds what they share once.

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

/// Builds the service as it is released, and the bench, and becomes the bench.
pub(crate) fn bench(arguments: &[String]) -> Result<ExitCode> {
    let shell = workspace::shell()?;
    let service = "--package billing-portal-server --bin billing-portal";
    let bench = "--no-default-features --features bench --package billing-portal-tests --bin bench";
    for built in [service, bench] {
        let words = built.split(' ');
        let build = cmd!(shell, "cargo build --release --quiet --locked {words...}");
        build.quiet().run()?;
    }
    let programs = workspace::target()?.join("release");
    let program = programs.join("bench");
    let command = cmd!(shell, "{program} {arguments...}");
    workspace::become_program(command.env("XTASK_SERVICE_BINARY", programs.join("billing-portal")))
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
