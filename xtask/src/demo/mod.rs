//! `cargo xtask demo`: the whole product on one machine, with a simulated Stripe, for a newcomer's first minute.
//!
//! The service runs as its users run it: the built binary, set up by its own commands. Nothing is left behind.

pub(crate) mod deployment;
mod outcomes;
mod raw_http;

use std::process::ExitCode;

use deployment::Deployment;
use tokio::signal::unix::{SignalKind, signal};

use crate::workspace;

const RETURN_URL: &str = "https://app.example.com/settings/billing";

/// Runs the demo: until Ctrl-C, or `once` through every outcome.
pub(crate) fn run(once: bool) -> Result<ExitCode, String> {
    let binary = workspace::build_binary()?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        if once {
            // Small limits, so that each can be reached in a moment.
            let limits = [
                ("LOG", "error"),
                ("BODY_TIMEOUT_SECONDS", "1"),
                ("MAX_IN_FLIGHT", "2"),
                ("RATE_LIMIT_PER_KEY", "30"),
                ("SHUTDOWN_DELAY_SECONDS", "0"),
            ];
            let deployment = Deployment::start(&binary, 0, &limits).await?;
            outcomes::show_all(&deployment).await
        } else {
            let limits = [("SHUTDOWN_DELAY_SECONDS", "0")];
            let deployment = Deployment::start(&binary, 8080, &limits).await?;
            introduce(&deployment);
            end_of_demo().await.map_err(|error| error.to_string())?;
            deployment.stop().await
        }
    })
}

/// Ctrl-C, or whoever started it ends it.
async fn end_of_demo() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

fn introduce(deployment: &Deployment) {
    let Deployment {
        api,
        operations,
        keys,
        ..
    } = deployment;
    println!(
        "billing-portal runs at http://{api}, with a simulated Stripe behind it.

Open the billing portal of an organization that has a Stripe customer:

  curl -X POST http://{api}/v1/billing/portal \\
    -H 'Authorization: Bearer {}' \\
    -H 'Content-Type: application/json' \\
    -d '{{\"return_url\": \"{RETURN_URL}\"}}'

The same with the key of an organization that never subscribed answers 409:

  {}

Swagger UI       http://{api}/docs/   (Authorize with one of the keys, then \"Try it out\")
The contract     http://{api}/openapi.yaml
For operators    http://{operations}/docs/   (readiness, metrics, and what Stripe's webhooks are sent to)

The portal's address in the answer is the simulated Stripe's: it leads nowhere. Ctrl-C ends everything.",
        keys.opens, keys.without_customer,
    );
}
