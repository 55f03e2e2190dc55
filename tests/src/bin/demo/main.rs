//! `cargo xtask demo`: the whole product on one machine, with a simulated Stripe, for a newcomer's first minute.
//!
//! Without arguments it runs until Ctrl-C; with `--once` it goes through every outcome, prints a table and ends.

mod walkthrough;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use billing_portal_tests::deployment::{Deployment, RETURN_URL};
use tokio::signal::unix::{SignalKind, signal};

/// The port that the README names.
const PORT: u16 = 8080;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let status = if env::args().any(|argument| argument == "--once") {
        // Small limits, so that each can be reached in a moment.
        let limits = [
            ("LOG", "error"),
            ("BODY_TIMEOUT_SECONDS", "1"),
            ("MAX_IN_FLIGHT", "2"),
            ("RATE_LIMIT_PER_KEY", "30"),
            ("SHUTDOWN_DELAY_SECONDS", "0"),
        ];
        let deployment = Deployment::start(0, &limits).await?;
        walkthrough::show_all(&deployment).await?
    } else {
        let deployment = Deployment::start(PORT, &[("SHUTDOWN_DELAY_SECONDS", "0")]).await?;
        introduce(&deployment);
        until_stopped().await?;
        deployment.stop().await?.success()
    };
    Ok(if status {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Ctrl-C ends the demo, and so does SIGTERM.
async fn until_stopped() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

fn introduce(deployment: &Deployment) {
    let Deployment { service, keys, .. } = deployment;
    let (api, operations) = (service.api, service.operations);
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
For operators    http://{operations}/docs/   (readiness, metrics, and where Stripe sends webhooks)

The portal's address in the answer is the simulated Stripe's: it leads nowhere. Ctrl-C ends everything.",
        keys.opens, keys.without_customer,
    );
}
