//! `healthcheck [--ready]`: the exit status tells whether the running service is alive or ready.

use std::net::TcpListener;

use billing_portal_tests::stripe::SimulatedStripe;

use crate::harness::command::{self, Outcome};
use crate::harness::process::Process;
use crate::harness::service::Service;

async fn healthcheck(operations: &str, arguments: &[&str]) -> Outcome {
    let variables = [(
        "BILLING_PORTAL_OPERATIONS_LISTEN".to_owned(),
        operations.to_owned(),
    )];
    command::run(&[&["healthcheck"], arguments].concat(), &variables).await
}

fn printed(outcome: &Outcome) -> (u8, &str) {
    (outcome.code, outcome.stdout.trim_end())
}

#[tokio::test]
async fn a_service_that_runs_is_alive_and_ready() {
    let service = Service::start().await;
    let operations = service.operations().to_string();
    let port = service.operations().port();
    for address in [operations.clone(), format!("0.0.0.0:{port}")] {
        for arguments in [&["--json"][..], &["--json", "--ready"]] {
            let outcome = healthcheck(&address, arguments).await;
            assert_eq!(
                printed(&outcome),
                (0, r#"{"ok":true}"#),
                "{address} {arguments:?}"
            );
        }
    }
    assert_eq!(printed(&healthcheck(&operations, &[]).await), (0, "ok"));
}

#[tokio::test]
async fn a_service_that_drains_is_alive_and_not_ready() {
    let service = Service::start().await;
    let process = Process::beside(&service, &[("SHUTDOWN_DELAY_SECONDS", "5")]).await;
    process.terminate().await;
    while process.readiness().await.status == 200 {}
    let operations = process.operations.to_string();
    assert_eq!(healthcheck(&operations, &[]).await.code, 0);
    let outcome = healthcheck(&operations, &["--ready", "--json"]).await;
    assert_eq!(printed(&outcome), (1, r#"{"ok":false}"#));
    process.kill().await;
}

#[tokio::test]
async fn what_does_not_answer_is_not_alive() {
    let listener = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = |listener: &TcpListener| listener.local_addr().expect("an address");
    let listening = listener();
    let (silent, closed) = (address(&listening), address(&listener()));
    let stripe = SimulatedStripe::builder()
        .start()
        .await
        .expect("a free port");
    let other = stripe.api_base().replace("http://", "");
    for (address, why) in [
        (silent.to_string(), "nothing is answered"),
        (closed.to_string(), "nothing listens"),
        (other, "another server"),
    ] {
        let outcome = healthcheck(&address, &[]).await;
        assert_eq!(printed(&outcome), (1, ""), "{why}");
        assert!(
            outcome.stderr.contains(&address),
            "{why}: {}",
            outcome.stderr
        );
    }
}
