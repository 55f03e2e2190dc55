//! `cargo xtask schemathesis`: an independent fuzzer against the running service. It knows the contract and nothing else.
//!
//! Its exceptions are in `tests/schemathesis.toml`, each with its reason. It is installed in a virtual environment below
//! cargo's target folder, in the pinned version.

use std::error::Error;
use std::process::ExitCode;

use billing_portal_tests::deployment::{Deployment, Options};
use billing_portal_tests::{python, workspace};
use tokio::process::Command;

/// Pinned: another version may have other default checks, which must be a change that a person makes.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Where its exceptions are.
const EXCEPTIONS: &str = "tests/schemathesis.toml";

/// Where the contract is.
const CONTRACT: &str = "openapi/billing-portal.yaml";

/// Always the same requests, and enough of them to see each of its kinds many times.
const ARGUMENTS: &str = "--no-color --generation-database none --max-examples 300 --seed 1";

/// Limits that would answer before the operation does; the tests cover them, schemathesis does not know them.
const NO_LIMITS: [(&str, &str); 5] = [
    ("LOG", "error"),
    ("RATE_LIMIT_PER_KEY", "0"),
    ("RATE_LIMIT_FAILED_AUTH", "0"),
    ("STRIPE_RATE_LIMIT", "0"),
    ("SHUTDOWN_DELAY_SECONDS", "0"),
];

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let programs = python::install("schemathesis", &[SCHEMATHESIS]).await?;
    let deployment = Deployment::start(Options {
        settings: &NO_LIMITS,
        ..Options::default()
    })
    .await?;
    let root = workspace::root();
    let status = Command::new(programs.join("schemathesis"))
        .arg("--config-file")
        .arg(root.join(EXCEPTIONS))
        .arg("run")
        .arg(root.join(CONTRACT))
        .arg("--url")
        .arg(format!("http://{}", deployment.service.api))
        .args(ARGUMENTS.split(' '))
        .env("BILLING_PORTAL_API_KEY", &deployment.keys.opens)
        // It leaves notes of its own where it runs.
        .current_dir(&programs)
        .status()
        .await?;
    deployment.stop().await?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
