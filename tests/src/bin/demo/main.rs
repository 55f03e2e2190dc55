//! `cargo xtask demo`: the whole product on one machine, with a simulated Stripe, for a newcomer's first minute.
//!
//! Without arguments it runs until Ctrl-C; with `--once` it goes through every outcome, prints a table and ends.

mod walkthrough;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use billing_portal_tests::deployment::{Deployment, Options, RETURN_URL};
use billing_portal_tests::shop::Shop;
use tokio::signal::unix::{SignalKind, signal};

/// The port that the README names.
const PORT: u16 = 8080;
/// The port of the sample shop, where many development servers listen.
const SHOP_PORT: u16 = 3000;

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
        let deployment = Deployment::start(Options {
            settings: &limits,
            is_quiet: true,
            ..Options::default()
        });
        let deployment = deployment.await?;
        let passed = walkthrough::show_all(&deployment).await?;
        if !passed {
            eprintln!("\nThe service logged:\n{}", deployment.log()?);
        }
        passed
    } else {
        let shop = Shop::listen(SHOP_PORT).await?;
        let origin = shop.origin()?;
        let deployment = shop_deployment(&shop).await?;
        let _serving = shop.open(&deployment)?;
        introduce(&deployment, &origin);
        until_stopped().await?;
        deployment.stop().await?.success()
    };
    Ok(if status {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A service that accepts the shop's return URL and the simulated portal's URL.
async fn shop_deployment(shop: &Shop) -> Result<Deployment, Box<dyn Error>> {
    let allow_list = format!("https://app.example.com,{}", shop.origin()?);
    let settings = [
        ("RETURN_URL_ALLOW_LIST", allow_list.as_str()),
        ("STRIPE_PORTAL_HOSTS", "localhost"),
        ("SHUTDOWN_DELAY_SECONDS", "0"),
    ];
    let session_url = shop.session_url()?;
    Deployment::start(Options {
        port: PORT,
        settings: &settings,
        session_url: Some(&session_url),
        ..Options::default()
    })
    .await
}

/// Ctrl-C ends the demo, and so does SIGTERM.
async fn until_stopped() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

fn introduce(deployment: &Deployment, shop: &str) {
    let Deployment { service, keys, .. } = deployment;
    let (api, operations) = (service.api, service.operations);
    println!(
        "Open {shop} in a browser and press \"Manage billing\".

The sample shop there calls billing-portal at http://{api}, with a simulated Stripe behind it. The same by hand: open
the billing portal of an organization that has a Stripe customer:

  curl -X POST http://{api}/v1/billing/portal \\
    -H 'Authorization: Bearer {}' \\
    -H 'Content-Type: application/json' \\
    -d '{{\"return_url\": \"{RETURN_URL}\"}}'

The same with the key of an organization that never subscribed answers 409:

  {}

Swagger UI       http://{api}/docs/   (Authorize with one of the keys, then \"Try it out\")
The contract     http://{api}/openapi.yaml
For operators    http://{operations}/docs/   (readiness, metrics, and where Stripe sends webhooks)

The portal's address in the answer leads to the page of the simulated Stripe. Ctrl-C ends everything.",
        keys.opens, keys.without_customer,
    );
}
