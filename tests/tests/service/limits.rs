//! How much one caller, one address and all together may ask for.

mod connections;
mod proxies;

use crate::harness::service::Service;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

#[tokio::test]
async fn a_key_over_its_rate_limit_is_refused_and_others_are_not() {
    let service = Service::builder()
        .set("RATE_LIMIT_PER_KEY", "6")
        .start()
        .await;
    let other = service.new_key("acme", &["billing:write"]).await;
    for _ in 0..2 {
        assert_eq!(
            service.create_portal_session(RETURN_URL).await.status,
            200,
            "a third of 6 at once"
        );
    }
    let refused = service.create_portal_session(RETURN_URL).await;
    refused
        .assert_error("RATE_LIMITED")
        .assert_retry_after(9..=10);
    let good = TestRequest::portal(service.key(), RETURN_URL);
    let untyped = good.clone().without_header("Content-Type");
    service.send(&untyped).await.assert_error("RATE_LIMITED");
    assert_eq!(service.send(&good.with_bearer(&other)).await.status, 200);
    assert_eq!(service.sessions().len(), 3);
}

#[tokio::test]
async fn a_key_without_the_scope_gets_403_however_often_it_is_used() {
    let service = Service::builder()
        .set("RATE_LIMIT_PER_KEY", "3")
        .start()
        .await;
    let reader = service.new_key("acme", &["billing:read"]).await;
    for _ in 0..3 {
        let answer = service
            .send(&TestRequest::portal(&reader, RETURN_URL))
            .await;
        answer.assert_error("FORBIDDEN");
    }
}

#[tokio::test]
async fn an_address_with_many_bad_keys_is_limited_and_its_good_keys_are_not() {
    let service = Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", "3")
        .start()
        .await;
    // Its key is known to be good from now on.
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    let bad = TestRequest::portal("nonsense", RETURN_URL);
    for _ in 0..3 {
        service.send(&bad).await.assert_error("UNAUTHORIZED");
    }
    service
        .send(&bad)
        .await
        .assert_error("RATE_LIMITED")
        .assert_retry_after(19..=20);
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
}
