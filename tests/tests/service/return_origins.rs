//! The origins of return URLs: those of one organization, and the operation that lists them.

mod commands;

use billing_portal_client::Client;
use billing_portal_server::clock::Clock;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};
use chrono::DateTime;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

use crate::harness::database::Database;
use crate::harness::recording_proxy;
use crate::harness::service::Service;
use crate::keys;

const OWN: &str = "https://customer.example.net";
/// What the operator of the tests' services allows.
const OPERATORS: [&str; 3] = [
    "https://app.example.com",
    "https://billing.example.org:8443",
    "https://xn--bcher-kva.example",
];

/// A request for the list.
fn list(key: &str) -> TestRequest {
    TestRequest::get("/v1/billing/return-origins").with_bearer(key)
}

/// Sends the request until its answer is as wanted; a change is in effect everywhere within a second.
async fn until(
    service: &Service,
    request: &TestRequest,
    is_wanted: impl Fn(&TestResponse) -> bool,
) {
    let began = Instant::now();
    loop {
        let answer = service.send(request).await;
        if is_wanted(&answer) {
            return;
        }
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(20), "{}", answer.text());
        sleep(Duration::from_millis(50)).await;
    }
}

async fn until_listed(service: &Service, key: &str, origins: &[&str]) {
    let body = json!({ "success": true, "data": { "origins": origins } });
    until(service, &list(key), |answer| {
        answer.status == 200 && answer.json() == body
    })
    .await;
}

#[tokio::test]
async fn list_return_origins_answers_the_operators_list_in_its_normal_form() {
    let service = Service::builder()
        .set(
            "RETURN_URL_ALLOW_LIST",
            "https://app.example.com, https://b\u{fc}cher.example:443/, https://shop.example.com:8443",
        )
        .start()
        .await;
    let answer = service.send(&list(service.key())).await;
    assert_eq!(answer.status, 200);
    let origins = [
        "https://app.example.com",
        "https://xn--bcher-kva.example",
        "https://shop.example.com:8443",
    ];
    let body = json!({ "success": true, "data": { "origins": origins } });
    assert_eq!(answer.json(), body);
    assert!(service.sessions().is_empty(), "Stripe is not called");
}

#[tokio::test]
async fn own_origins_of_an_organization_replace_the_operators_list() {
    let service = Service::start().await;
    let (own_key, other_key) = (
        service.key(),
        service.organization("other", Some("cus_Other")).await,
    );
    service.run(&["org", "allow-return-url", "acme", OWN]).await;
    until_listed(&service, own_key, &[OWN]).await;

    let open = |key: &str, url: &str| TestRequest::portal(key, url);
    let deep_link = format!("{OWN}/settings?tab=billing");
    let opened = service.send(&open(own_key, &deep_link)).await;
    assert_eq!(opened.status, 200);
    // The operator's origin is no longer one of the organization's, and the organization's is nobody else's.
    let refused = [(own_key, RETURN_URL), (&other_key, OWN)];
    for (key, url) in refused {
        let answer = service.send(&open(key, url)).await;
        let problem = "scheme, host and port must match an entry of the return-URL allow-list";
        let details = format!(r#","details":{{"return_url":"{problem}"}}"#);
        answer.assert_error_with("VALIDATION_FAILED", &details);
    }
    until_listed(&service, &other_key, &OPERATORS).await;
    assert_eq!(
        service.send(&open(&other_key, RETURN_URL)).await.status,
        200
    );

    // Without its last own origin, the organization has the operator's again.
    service
        .run(&["org", "disallow-return-url", "acme", OWN])
        .await;
    until_listed(&service, own_key, &OPERATORS).await;
    assert_eq!(service.send(&open(own_key, RETURN_URL)).await.status, 200);
}

#[tokio::test]
async fn own_origin_is_compared_by_scheme_host_and_port() {
    let service = Service::start().await;
    let own = "https://customer.example.net:8443";
    service.run(&["org", "allow-return-url", "acme", own]).await;
    until_listed(&service, service.key(), &[own]).await;
    for (url, is_allowed) in [
        ("https://customer.example.net:8443/", true),
        ("https://CUSTOMER.example.net:8443/a?b#c", true),
        ("https://customer.example.net/", false),
        ("https://customer.example.net:443/", false),
        ("http://customer.example.net:8443/", false),
        ("https://a.customer.example.net:8443/", false),
        ("https://customer.example.net.:8443/", false),
    ] {
        let answer = service.create_portal_session(url).await;
        assert_eq!(answer.status, if is_allowed { 200 } else { 422 }, "{url}");
    }
}

/// A value in the database that is no origin any more permits nothing, and does not bring the operator's list back.
#[tokio::test]
async fn unreadable_own_origin_permits_nothing() {
    let service = Service::start().await;
    let mut database = Database::open(&service).await;
    database
        .execute("UPDATE organizations SET return_origins = 'nonsense' WHERE id = 'acme'")
        .await;
    service.organization("another", None).await; // Raises the change counter.
    until_listed(&service, service.key(), &[]).await;
    let answer = service.create_portal_session(RETURN_URL).await;
    assert_eq!(answer.code().as_deref(), Some("VALIDATION_FAILED"));
}

#[tokio::test]
async fn list_return_origins_checks_the_caller_as_the_portal_does() {
    let service = Service::start().await;
    let reader = service.new_key("acme", &["billing:read"]).await;
    let homeless = service.organization("homeless", None).await;
    let unknown = keys::well_formed("am_live_", &"0".repeat(30));
    let rows = [
        (list(""), "UNAUTHORIZED"),
        (list(&unknown), "UNAUTHORIZED"),
        (list(&reader), "FORBIDDEN"),
        (
            list(service.key()).with_path("/v1/billing/return-origins/"),
            "NOT_FOUND",
        ),
    ];
    for (request, code) in rows {
        service.send(&request).await.assert_error(code);
    }
    assert_eq!(service.send(&list(&homeless)).await.status, 200);
    let posted = service.send(&list(service.key()).with_method("POST")).await;
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET, HEAD"))
    );
    // What the operation does not read does not matter.
    let with_body = list(service.key()).with_body("x");
    assert_eq!(service.send(&with_body).await.status, 200);

    let mut database = Database::open(&service).await;
    database
        .execute("ALTER TABLE api_keys RENAME TO away")
        .await;
    let fresh = service
        .send(&list(&keys::well_formed("am_live_", &"1".repeat(30))))
        .await;
    fresh.assert_error("SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn list_return_origins_counts_for_the_limit_of_the_key() {
    let service = Service::builder()
        .set("RATE_LIMIT_PER_KEY", "3")
        .start()
        .await;
    assert_eq!(service.send(&list(service.key())).await.status, 200);
    let limited = service.create_portal_session(RETURN_URL).await;
    limited.assert_error("RATE_LIMITED");
    let limited = service.send(&list(service.key())).await;
    limited.assert_error("RATE_LIMITED");
}

/// The clock panics when it is read for the second time: the first is when the request arrives, the second while the key is
/// checked.
#[tokio::test]
async fn panic_while_listing_answers_500() {
    let reads = Arc::new(AtomicUsize::new(usize::MAX / 2));
    let counter = Arc::clone(&reads);
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let clock = Clock::from_fn(move || {
        assert_ne!(counter.fetch_add(1, Ordering::Relaxed), 1, "a broken clock");
        now
    });
    let service = Service::builder().clock(clock).start().await;
    assert_eq!(service.send(&list(service.key())).await.status, 200);
    reads.store(0, Ordering::Relaxed);
    let answer = service.send(&list(service.key())).await;
    answer.assert_error("INTERNAL");
    assert_eq!(service.send(&list(service.key())).await.status, 200);
}

#[tokio::test]
async fn sdk_lists_return_origins() {
    let service = Service::start().await;
    let client = |key: &str, base_url: String| {
        let client = Client::builder().api_key(key).base_url(base_url);
        client.max_retries(0).build().expect("good settings")
    };
    let base_url = format!("http://{}", recording_proxy::start(service.api()).await);
    let listed = client(service.key(), base_url.clone())
        .list_return_origins()
        .await;
    let listed = listed.expect("a list");
    assert_eq!(listed.origins, OPERATORS);
    assert_eq!(listed.request_id.len(), 26);
    let reader = service.new_key("acme", &[]).await;
    let error = client(&reader, base_url).list_return_origins().await;
    assert_eq!(
        error
            .expect_err("no scope")
            .status()
            .map(|status| status.as_u16()),
        Some(403)
    );
}
