//! Health, readiness, and the end of the service.

use std::time::Duration;

use billing_portal_tests::stripe::{Endpoint, Reply};
use tokio::time::{Instant, sleep};

use crate::harness::database::Database;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

#[tokio::test]
async fn health_is_on_the_operations_port_only() {
    let service = Service::start().await;
    let health = send(service.operations(), &TestRequest::get("/healthz")).await;
    assert_eq!((health.status, health.text()), (200, r#"{"status":"ok"}"#));
    for path in ["/healthz", "/readyz", "/metrics", "/webhooks/stripe"] {
        service
            .send(&TestRequest::get(path))
            .await
            .assert_error("NOT_FOUND");
    }
    let portal = TestRequest::portal(service.key(), RETURN_URL);
    assert_eq!(send(service.operations(), &portal).await.status, 404);
}

#[tokio::test]
async fn readiness_depends_on_the_store_and_not_on_stripe() {
    let service = Service::start().await;
    service
        .stripe
        .answer_always(Endpoint::Sessions, Reply::status(500));
    service
        .create_portal_session(RETURN_URL)
        .await
        .assert_error("BILLING_PORTAL_UNAVAILABLE");
    let ready = service.readiness().await;
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &true.into()));

    let mut database = Database::open(&service).await;
    database
        .execute("ALTER TABLE organizations RENAME TO away")
        .await;
    let ready = service.readiness().await;
    assert_eq!(
        (ready.status, &ready.json()["ready"], &ready.json()["store"]),
        (503, &false.into(), &false.into())
    );
    assert_eq!(
        send(service.operations(), &TestRequest::get("/healthz"))
            .await
            .status,
        200
    );
    database
        .execute("ALTER TABLE away RENAME TO organizations")
        .await;
    assert_eq!(service.readiness().await.status, 200);
}

#[tokio::test]
async fn sigterm_turns_readiness_off_and_lets_requests_finish() {
    let service = Service::start().await;
    let process = Process::beside(&service, &[("SHUTDOWN_DELAY_SECONDS", "1")]).await;
    let slow = Reply::status(400).after(Duration::from_secs(2));
    service.stripe.answer_next(Endpoint::Sessions, [slow]);
    let (api, request) = (process.api, TestRequest::portal(service.key(), RETURN_URL));
    let under_way = tokio::spawn({
        let request = request.clone();
        async move { send(api, &request).await }
    });
    while service.sessions().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    process.terminate().await;
    let sent = Instant::now();
    while process.readiness().await.status != 503 {
        let elapsed = sent.elapsed();
        assert!(
            elapsed < Duration::from_millis(500),
            "readiness turns at once"
        );
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        send(api, &request).await.status,
        200,
        "balancers still send"
    );
    let answer = under_way.await.expect("no panic");
    answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
    assert!(
        ClientConnection::open(api).await.is_err(),
        "no more are accepted"
    );
    let (code, log) = process.end().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(sent.elapsed() < Duration::from_secs(6));
}
