//! Reloads while callers are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::RETURN_URL;
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::harness::configured::ConfiguredProcess;
use crate::harness::service::send;

const CALLS: usize = 500;
/// How long an answer may take on a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s17_five_hundred_calls_are_answered_while_the_service_reloads_again_and_again() {
    let settings = [
        ("max_in_flight", json!(1000)),
        ("stripe_max_in_flight", json!(1000)),
        ("max_connections_per_peer", json!(1000)),
    ];
    let mut service = ConfiguredProcess::start(&settings).await;
    let ended = Arc::new(AtomicBool::new(false));
    let callers = tokio::spawn(call(
        service.api(),
        service.portal(RETURN_URL),
        Arc::clone(&ended),
    ));
    let mut reloads = 0;
    while !ended.load(Ordering::Relaxed) {
        // Each generation is another one: the list, a limit and the secrets change; every third file is wrong.
        let origins = [
            "https://app.example.com".to_owned(),
            format!("https://app{reloads}.example.com"),
        ];
        service.set("return_url_allow_list", &json!(origins));
        service.set("rate_limit_failed_auth", &json!(10 + reloads));
        service.set_secret("stripe_webhook_secret", &format!("whsec_{reloads}"));
        if reloads % 3 == 2 {
            service.write("this is no TOML");
        }
        assert_eq!(service.hang_up().await, reloads % 3 != 2);
        reloads += 1;
    }
    let statuses = callers.await.expect("no panic");
    assert_eq!(statuses, vec![200; CALLS]);
    assert!(
        reloads >= 3,
        "{reloads} reloads while {CALLS} calls were made"
    );
    let (code, _) = service.stop().await;
    assert_eq!(code, Some(0));
}

/// Makes all calls, twenty at a time.
async fn call(
    api: std::net::SocketAddr,
    portal: billing_portal_tests::http_message::TestRequest,
    ended: Arc<AtomicBool>,
) -> Vec<u16> {
    let mut callers = JoinSet::new();
    let mut statuses = Vec::new();
    for call in 0..CALLS {
        let portal = portal.clone();
        callers.spawn(async move { send(api, &portal).await.status });
        if call >= 20 {
            statuses.extend(
                callers
                    .join_next()
                    .await
                    .map(|status| status.expect("no panic")),
            );
        }
    }
    statuses.extend(callers.join_all().await);
    ended.store(true, Ordering::Relaxed);
    statuses
}

#[tokio::test]
async fn s17_a_request_keeps_the_settings_that_it_began_with() {
    let mut service = ConfiguredProcess::start(&[("body_timeout_seconds", json!(60))]).await;
    let portal = service.portal(RETURN_URL);
    let mut old = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    old.send(&portal.head()).await.expect("it is sent");
    // It is certain that the request has begun once it is counted.
    while service.metric("billing_portal_requests_in_flight").await == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    // Its key is limited by now, its return URL not listed, and its time would be over.
    service.set(
        "return_url_allow_list",
        &json!(["https://other.example.com"]),
    );
    service.set("body_timeout_seconds", &json!(1));
    service.set("portal_url_ttl_seconds", &json!(3600));
    assert!(service.hang_up().await);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(service.status_for(RETURN_URL).await, 422);
    old.send(&portal.body).await.expect("it is sent");
    let answer = old
        .response("POST", RESPONSE_LIMIT)
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn s17_calls_in_progress_end_with_the_key_that_they_began_with() {
    const NEW: &str = "rk_live_new000000000000000000";
    let mut service = ConfiguredProcess::start(&[]).await;
    let slow = Duration::from_secs(2);
    let session = service.open_portal().await;
    let portal = service.portal(RETURN_URL);
    service.stripe().forget_received();
    service
        .stripe()
        .answer_next(Endpoint::Sessions, [Reply::status(500).after(slow)]);
    let api = service.api();
    let caller = tokio::spawn(async move { send(api, &portal).await });
    while service.stripe().received_at(Endpoint::Sessions).is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    service.stripe().replace_secret(NEW);
    service.set_secret("stripe_secret_key", NEW);
    assert!(service.hang_up().await);
    service.open_portal().await;
    // Its retry has the old key, which Stripe refuses by now: a 502 of its own, and no answer of another generation.
    let answer = caller.await.expect("no panic");
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(session.status, 200);
}
