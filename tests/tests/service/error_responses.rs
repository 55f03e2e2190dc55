//! Every row of the error table, produced for real: status, whole body, headers, and no call to Stripe.

mod failures;

use billing_portal_tests::stripe::{Endpoint, Reply};

use crate::harness::service::Service;
use crate::keys;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

fn good(service: &Service) -> TestRequest {
    TestRequest::portal(service.key(), RETURN_URL)
}

#[tokio::test]
async fn create_portal_session_returns_the_code_of_the_first_check_that_fails() {
    let service = Service::start().await;
    let reader = service.new_key("acme", &["billing:read"]).await;
    let lonely = service.organization("lonely", None).await;
    let good = || good(&service);
    let bearer = |key: &str| good().with_bearer(key);
    #[rustfmt::skip]
    let rows = [
        (good().with_path("/v1/billing/portals"), "NOT_FOUND", "unknown path"),
        (good().with_path("/v1/billing/portal/"), "NOT_FOUND", "a trailing slash is another path"),
        (TestRequest::get("/v1"), "NOT_FOUND", "nothing above the operation"),
        (good().with_method("GET"), "METHOD_NOT_ALLOWED", "the portal is opened, not fetched"),
        (good().with_method("DELETE"), "METHOD_NOT_ALLOWED", "sessions cannot be ended"),
        (good().without_header("Authorization"), "UNAUTHORIZED", "no key"),
        (bearer(&keys::well_formed("am_live_", &"0".repeat(30))), "UNAUTHORIZED", "a key that was never made"),
        (bearer(&service.key().replace("am_live_", "am_test_")), "UNAUTHORIZED", "the other mode"),
        (bearer(&reader), "FORBIDDEN", "reading is not writing"),
        (bearer(&lonely), "NO_STRIPE_CUSTOMER", "never subscribed"),
        (good().with_header("Content-Type", "text/plain"), "UNSUPPORTED_MEDIA_TYPE", "not JSON by its own word"),
        (good().with_body("x".repeat(16 * 1024 + 1)), "PAYLOAD_TOO_LARGE", "one byte too many"),
        (good().with_body("x".repeat(16 * 1024)), "BAD_REQUEST", "as large as allowed, but not JSON"),
        (good().with_body("[]"), "BAD_REQUEST", "JSON, but not an object"),
        (good().with_body(r#"{"return_url":"","return_url":""}"#), "BAD_REQUEST", "a key twice"),
    ];
    for (request, code, why) in rows {
        println!("{why}");
        let answer = service.send(&request).await;
        answer.assert_error(code);
        let closes = answer.header("connection") == Some("close");
        assert_eq!(
            closes,
            code == "PAYLOAD_TOO_LARGE",
            "only an unread body ends the connection"
        );
    }
    assert!(
        service.sessions().is_empty(),
        "Stripe is not called for what we refuse"
    );
}

#[tokio::test]
async fn the_checks_run_in_the_order_of_the_contract() {
    let service = Service::start().await;
    let reader = service.new_key("acme", &[]).await;
    let lonely = service.organization("lonely", None).await;
    // Each has one thing more wrong than the one before, and that decides.
    let failing = good(&service);
    let homeless = failing.clone().with_bearer(&lonely);
    let invalid = homeless.clone().with_body("{}");
    let keyed = invalid.clone().with_header("Idempotency-Key", "two words");
    let broken = keyed.clone().with_body("x");
    let large = broken.clone().with_body("x".repeat(20_000));
    let untyped = large.clone().with_header("Content-Type", "text/plain");
    let forbidden = untyped.clone().with_bearer(&reader);
    let unknown = forbidden.clone().with_bearer("nonsense");
    let put = unknown.clone().with_method("PUT");
    let lost = put.clone().with_path("/v1/billing");
    let rows = [
        (failing, "BILLING_PORTAL_UNAVAILABLE"),
        (homeless, "NO_STRIPE_CUSTOMER"),
        (invalid, "VALIDATION_FAILED"),
        (keyed, "BAD_REQUEST"),
        (broken, "BAD_REQUEST"),
        (large, "PAYLOAD_TOO_LARGE"),
        (untyped, "UNSUPPORTED_MEDIA_TYPE"),
        (forbidden, "FORBIDDEN"),
        (unknown, "UNAUTHORIZED"),
        (put, "METHOD_NOT_ALLOWED"),
        (lost, "NOT_FOUND"),
    ];
    let refused = Reply::status(400);
    service.stripe.answer_always(Endpoint::Sessions, refused);
    for (request, code) in rows {
        assert_eq!(service.send(&request).await.code().as_deref(), Some(code));
    }
}

#[tokio::test]
async fn all_problems_of_the_fields_are_named_at_once() {
    let service = Service::start().await;
    let request = good(&service).with_body(
        r#"{"customer":"cus_1","return_url":7,"locale":"xx","flow":"subscription_cancel"}"#,
    );
    let answer = service.send(&request).await;
    let details = answer.json()["error"]["details"].clone();
    let expected = [
        r#"{"customer":"unknown field","flow":"must be one of payment_method_update, customer_update","#,
        r#""locale":"must be auto or a language tag of the documented list, such as de or pt-BR","#,
        r#""return_url":"must be a string"}"#,
    ]
    .concat();
    assert_eq!(
        (answer.status, details.to_string().as_str()),
        (422, expected.as_str())
    );
}
