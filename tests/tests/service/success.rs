//! The 200: what the caller gets, and what Stripe was asked for.

use crate::harness::service::Service;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

#[tokio::test]
async fn create_portal_session_returns_the_url_of_stripe_and_its_expiry() {
    let service = Service::builder()
        .now("2026-05-22T12:25:00.999Z")
        .start()
        .await;
    let answer = service.create_portal_session(RETURN_URL).await;
    let session = service
        .stripe
        .last_session()
        .expect("Stripe made a session");
    let portal_url = &session["url"];
    let body = format!(
        r#"{{"success":true,"data":{{"portal_url":{portal_url},"expires_at":"2026-05-22T12:30:00Z"}}}}"#
    );
    answer.assert_body(200, &body);
}

#[tokio::test]
async fn the_operator_sets_the_lifetime_of_the_url() {
    let service = Service::builder()
        .now("2026-12-31T23:59:59Z")
        .set("PORTAL_URL_TTL_SECONDS", "60")
        .start()
        .await;
    let answer = service.create_portal_session(RETURN_URL).await;
    assert_eq!(answer.json()["data"]["expires_at"], "2027-01-01T00:00:59Z");
}

#[tokio::test]
async fn each_request_opens_its_own_portal() {
    let service = Service::start().await;
    let first = service.create_portal_session(RETURN_URL).await;
    let second = service.create_portal_session(RETURN_URL).await;
    assert_ne!(
        first.json()["data"]["portal_url"],
        second.json()["data"]["portal_url"]
    );
    assert_ne!(first.request_id(), second.request_id());
}

#[tokio::test]
async fn the_organization_is_that_of_the_key_whatever_the_caller_sends() {
    let service = Service::start().await;
    let other = service.organization("other", Some("cus_other")).await;
    let request = TestRequest::portal(&other, RETURN_URL).with_header("X-Organization-Id", "acme");
    assert_eq!(service.send(&request).await.status, 200);
    let customers: Vec<_> = service
        .sessions()
        .iter()
        .map(|call| call.field("customer").map(str::to_owned))
        .collect();
    assert_eq!(customers, [Some("cus_other".to_owned())]);
}
