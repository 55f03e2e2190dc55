//! `cargo xtask schemathesis`: an independent judge of the running service. It knows the contract and nothing else.
//!
//! Its exceptions are in `tests/schemathesis.toml`, each with its reason. It is installed in a virtual environment below
//! cargo's target folder, in the pinned version.

use std::{path::Path, process::ExitCode};

use tokio::process::Command;

use crate::{demo::deployment::Deployment, document::CONTRACT, workspace};

/// Pinned: another version may have other default checks, which must be a change that a person makes.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Where its exceptions are.
const EXCEPTIONS: &str = "tests/schemathesis.toml";

/// Limits that would answer before the operation is looked at; the tests know them, schemathesis does not.
const NO_LIMITS: [(&str, &str); 5] = [
    ("LOG", "error"),
    ("RATE_LIMIT_PER_KEY", "0"),
    ("RATE_LIMIT_FAILED_AUTH", "0"),
    ("STRIPE_RATE_LIMIT", "0"),
    ("SHUTDOWN_DELAY_SECONDS", "0"),
];

/// Starts the service and runs schemathesis against it.
pub(crate) fn run(root: &Path) -> Result<ExitCode, String> {
    let binary = workspace::build_binary()?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let environment = workspace::target().join("schemathesis");
        install(&environment).await?;
        let deployment = Deployment::start(&binary, 0, &NO_LIMITS).await?;
        let status = Command::new(environment.join("bin/schemathesis"))
            .arg("--config-file")
            .arg(root.join(EXCEPTIONS))
            .arg("run")
            .arg(root.join(CONTRACT))
            .arg("--url")
            .arg(format!("http://{}", deployment.api))
            .args([
                "--no-color",
                "--generation-database",
                "none",
                "--max-examples",
                "300",
                "--seed",
                "1",
            ])
            .env("BILLING_PORTAL_API_KEY", &deployment.keys.opens)
            // It leaves notes of its own where it runs.
            .current_dir(&environment)
            .status()
            .await
            .map_err(|error| format!("schemathesis: {error}"))?;
        deployment.stop().await?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    })
}

/// Makes the virtual environment; pip does nothing where the pinned version is there.
async fn install(environment: &Path) -> Result<(), String> {
    let python = environment.join("bin/python");
    if !python.exists() {
        succeed(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(environment),
        )
        .await?;
    }
    let arguments = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        SCHEMATHESIS,
    ];
    succeed(Command::new(python).args(arguments)).await
}

async fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
