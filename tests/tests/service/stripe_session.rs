//! What Stripe is sent, how often, and which of its answers are believed.

use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};

use crate::harness::service::Service;

const RETURN_URL_WITH_QUERY: &str = "https://app.example.com/settings/billing?tab=cards#top";

/// Stripe's error object.
fn error(status: u16, kind: &str, code: &str, param: &str) -> Reply {
    let error =
        json!({"type": kind, "code": code, "param": param, "message": "Stripe's own words"});
    Reply::json(status, &json!({ "error": error }))
}

#[tokio::test]
async fn create_portal_session_sends_stripe_exactly_this() {
    let service = Service::start().await;
    service.create_portal_session(RETURN_URL_WITH_QUERY).await;
    let calls = service.sessions();
    let [call] = calls.as_slice() else {
        panic!("{} calls", calls.len())
    };
    let configuration = service.stripe.configurations()[0]["id"].clone();
    let mut form = call.form.clone();
    form.sort();
    let expected = [
        ("configuration", configuration.as_str().expect("an id")),
        ("customer", "cus_acme"),
        ("return_url", RETURN_URL_WITH_QUERY),
    ];
    assert_eq!(
        form,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!((call.method.as_str(), call.query.len()), ("POST", 0));
    #[rustfmt::skip]
    let headers = [
        ("authorization", format!("Bearer {}", service.stripe.secret())),
        ("stripe-version", "2026-10-28.endive".to_owned()),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("accept-encoding", "identity".to_owned()),
    ];
    for (name, value) in headers {
        assert_eq!(call.header(name), Some(value.as_str()), "{name}");
    }
    assert!(
        call.header("user-agent")
            .is_some_and(|agent| agent.starts_with("billing-portal/"))
    );
}

#[tokio::test]
async fn all_attempts_of_a_request_share_one_idempotency_key_that_no_other_request_has() {
    let service = Service::start().await;
    for _ in 0..2 {
        service
            .stripe
            .answer_next(Endpoint::Sessions, [Reply::status(500), Reply::status(502)]);
        assert_eq!(
            service
                .create_portal_session(RETURN_URL_WITH_QUERY)
                .await
                .status,
            200
        );
    }
    let calls = service.sessions();
    let keys: Vec<_> = calls
        .iter()
        .map(|call| call.header("idempotency-key").expect("a key"))
        .collect();
    assert_eq!(keys.len(), 6);
    for request in keys.chunks(3) {
        assert_eq!(request, [request[0]; 3]);
        assert!((20..=255).contains(&request[0].len()), "{}", request[0]);
    }
    assert_ne!(keys[0], keys[3]);
}

#[tokio::test]
async fn temporary_failures_are_retried_and_permanent_ones_are_not() {
    #[rustfmt::skip]
    let rows = [
        (Reply::status(500), 3, "a server error"),
        (Reply::status(503).header("Retry-After", "0"), 3, "an outage"),
        (Reply::status(409), 3, "a conflict"),
        (error(429, "invalid_request_error", "lock_timeout", ""), 3, "a lock"),
        (Reply::status(429), 1, "too many: trying again would add to it"),
        (Reply::status(400), 1, "our mistake"),
        (Reply::status(401), 1, "our secret"),
        (Reply::status(403), 1, "our permissions"),
        (Reply::status(302).header("Location", "https://evil.test/"), 1, "a redirect is never followed"),
        (Reply::status(500).header("Stripe-Should-Retry", "false"), 1, "Stripe says no"),
        (Reply::status(400).header("Stripe-Should-Retry", "true"), 3, "Stripe says yes"),
        (Reply::status(503).header("Retry-After", "30"), 1, "the wait does not fit"),
        (Reply::status(503).header("Retry-After", "99999999999999999999"), 1, "nor does one without end"),
        (Reply::status(503).header("Content-Encoding", "gzip").body("x"), 3, "an outage is one in any coding"),
        (Reply::status(429).body("x".repeat(70_000)), 1, "too many is so at any length"),
        (Reply::status(600), 1, "no status"),
    ];
    for (reply, tries, why) in rows {
        // A service for each row: the breaker and the retry budget remember.
        let service = Service::start().await;
        service.stripe.answer_always(Endpoint::Sessions, reply);
        service
            .create_portal_session(RETURN_URL_WITH_QUERY)
            .await
            .assert_error("BILLING_PORTAL_UNAVAILABLE");
        assert_eq!(service.sessions().len(), tries, "{why}");
    }
}

#[tokio::test]
async fn only_the_requested_session_is_accepted() {
    let service = Service::start().await;
    service.create_portal_session(RETURN_URL_WITH_QUERY).await;
    let good = service.stripe.last_session().expect("a session");
    let with = |field: &str, value: Value| {
        let mut session = good.clone();
        session[field] = value;
        Reply::json(200, &session)
    };
    #[rustfmt::skip]
    let rows = [
        (with("unknown", json!([1])), true, "fields that Stripe adds"),
        (with("url", json!("https://billing.stripe.com/p/session/x")), true, "the listed host"),
        (with("customer", json!("cus_other")), false, "another customer"),
        (with("livemode", json!(false)), false, "the other mode"),
        (with("object", json!("checkout.session")), false, "another object"),
        (with("url", Value::Null), false, "no URL"),
        (with("url", json!("http://billing.stripe.com/p/session/x")), false, "not https"),
        (with("url", json!("javascript:alert(1)")), false, "a script"),
        (with("url", json!("https://billing.stripe.com.evil.test/")), false, "another host"),
        (with("url", json!("https://me@billing.stripe.com/")), false, "credentials"),
        (with("url", json!("https://billing.stripe.com:444/")), false, "another port"),
        (with("url", json!("https:/billing.stripe.com/p")), false, "what only some read so"),
        (with("url", json!("https://billing%2estripe.com/p")), false, "another spelling of the host"),
        (with("url", json!("https://billing.stripe.com/\"><script>")), false, "what is not escaped"),
        (with("url", json!("https://billing.stripe.com/\n")), false, "a control character"),
        (with("url", json!(format!("https://billing.stripe.com/{}", "a".repeat(2048)))), false, "too long"),
        (Reply::status(200).body("{"), false, "half an answer"),
        (Reply::status(200).body(format!("{good}{}", " ".repeat(65 * 1024))), false, "too large"),
    ];
    for (reply, believed, why) in rows {
        service.stripe.answer_next(Endpoint::Sessions, [reply]);
        let answer = service.create_portal_session(RETURN_URL_WITH_QUERY).await;
        assert_eq!(answer.status, if believed { 200 } else { 502 }, "{why}");
    }
}

#[tokio::test]
async fn a_custom_portal_domain_is_accepted_when_it_is_configured() {
    let hosts = "billing.stripe.com,pay.example.com";
    let service = Service::builder()
        .set("STRIPE_PORTAL_HOSTS", hosts)
        .start()
        .await;
    service.create_portal_session(RETURN_URL_WITH_QUERY).await;
    let mut session = service.stripe.last_session().expect("a session");
    session["url"] = json!("https://pay.example.com/p/session/live_x");
    service
        .stripe
        .answer_next(Endpoint::Sessions, [Reply::json(200, &session)]);
    let answer = service.create_portal_session(RETURN_URL_WITH_QUERY).await;
    assert_eq!(answer.json()["data"]["portal_url"], session["url"]);
}

#[tokio::test]
async fn a_return_url_that_stripe_refuses_is_422() {
    let service = Service::start().await;
    let refused = error(400, "invalid_request_error", "url_invalid", "return_url");
    service.stripe.answer_next(Endpoint::Sessions, [refused]);
    let answer = service.create_portal_session(RETURN_URL_WITH_QUERY).await;
    answer.assert_invalid("return_url", "was refused by the payment provider");
}

#[tokio::test]
async fn a_refusal_of_the_return_url_is_422_only_if_the_caller_can_fix_it() {
    let service = Service::start().await;
    let unknown = error(
        400,
        "invalid_request_error",
        "parameter_unknown",
        "return_url",
    );
    service.stripe.answer_next(Endpoint::Sessions, [unknown]);
    let answer = service.create_portal_session(RETURN_URL_WITH_QUERY).await;
    answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
}
