//! The signals that service managers and people send: none loses a request, and those for a stop drain.

use std::time::Duration;

use billing_portal_tests::http_message::RETURN_URL;
use billing_portal_tests::stripe::{Endpoint, Reply};
use tokio::time::sleep;

use crate::harness::configured::ConfiguredProcess;
use crate::harness::service::send;

/// How long Stripe takes, so that the signal arrives during the call.
const CALL: Duration = Duration::from_millis(1500);

/// Sends the signals while a call is in progress, which is answered as if there were none.
async fn during_a_call(service: &ConfiguredProcess, signals: &[&str]) {
    service.stripe().forget_received();
    let slow = Reply::status(402).after(CALL);
    service.stripe().answer_next(Endpoint::Sessions, [slow]);
    let (api, portal) = (service.api(), service.portal(RETURN_URL));
    let caller = tokio::spawn(async move { send(api, &portal).await.status });
    while service.stripe().received_at(Endpoint::Sessions).is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    for signal in signals {
        service.process().signal(signal).await;
    }
    assert_eq!(caller.await.expect("an answer"), 502, "{signals:?}");
}

#[tokio::test]
async fn s17_signals_that_do_not_stop_the_service_lose_no_request() {
    let service = ConfiguredProcess::start(&[]).await;
    for signal in [
        "HUP", "USR1", "USR2", "ALRM", "CONT", "WINCH", "PIPE", "URG", "CHLD",
    ] {
        during_a_call(&service, &[signal]).await;
        service.open_portal().await;
    }
    during_a_call(&service, &["STOP", "CONT"]).await;
    during_a_call(&service, &["HUP", "HUP", "USR1", "HUP"]).await;
    service.open_portal().await;
    let (code, _) = service.stop().await;
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn s17_signals_for_a_stop_finish_the_call_in_progress() {
    for signal in ["TERM", "INT", "QUIT"] {
        let service = ConfiguredProcess::start(&[]).await;
        // While it drains, the signals that do not stop it change nothing.
        during_a_call(&service, &[signal, "HUP", "USR1", "WINCH"]).await;
        let (code, _) = service.end().await;
        assert_eq!(code, Some(0), "{signal}");
    }
}
