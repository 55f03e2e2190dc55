//! The SDK against the running service: what it opens, and each refusal as its own case.

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use std::time::Duration;

use billing_portal_client::{Client, Error, ErrorCode};
use billing_portal_tests::stripe::{Endpoint, Reply};

use crate::harness::database::Database;
use crate::harness::recording_proxy;
use crate::harness::service::{Service, send};
use crate::return_url;

/// A client that tries once, so that each answer is seen.
async fn client(service: &Service, key: &str) -> Client {
    let base_url = format!("http://{}", recording_proxy::start(service.api()).await);
    let client = Client::builder()
        .api_key(key)
        .base_url(base_url)
        .max_retries(0)
        .build();
    client.expect("the settings are good")
}

async fn refusal(service: &Service, key: &str, return_url: &str) -> Error {
    let refused = client(service, key)
        .await
        .create_portal_session(return_url)
        .await;
    refused.expect_err("the service refuses")
}

#[tokio::test]
async fn create_portal_session_opens_the_portal() {
    let service = Service::builder().now("2099-05-22T12:25:00Z").start().await;
    let client = client(&service, service.key()).await;
    let session = client
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");
    let opened = service.stripe.last_session().expect("a session");
    assert_eq!(opened["url"], session.portal_url.expose());
    assert_eq!(session.expires_at.to_rfc3339(), "2099-05-22T12:30:00+00:00");
    assert_eq!(session.request_id.len(), 26);
    let shown = format!("{session:?} {client:?}");
    let secret = session
        .portal_url
        .expose()
        .rsplit('_')
        .next()
        .expect("a secret part");
    assert!(
        !shown.contains(secret) && !shown.contains(&service.key()[8..]),
        "{shown}"
    );
}

/// The error's link leads to its code in the service's reference.
async fn assert_help(service: &Service, error: &Error) {
    let url = error.help_url().expect("the service's error");
    let (page, code) = url.split_once('#').expect("an anchor");
    let path = page.strip_prefix("http://").and_then(|page| page.find('/'));
    let path = &page["http://".len() + path.expect("a path")..];
    let answer = send(service.api(), &TestRequest::get(path)).await;
    let anchor = format!("<article id=\"{code}\"");
    assert_eq!(answer.status, 200, "{url}");
    assert!(answer.text().contains(&anchor), "{url}");
}

#[tokio::test]
async fn each_refusal_is_its_own_error_code() {
    let service = Service::start().await;
    let keys = service.fixtures().await;
    let rows = [
        (&keys["UNKNOWN"], 401, ErrorCode::Unauthorized),
        (&keys["REVOKED"], 401, ErrorCode::Unauthorized),
        (&keys["READ"], 403, ErrorCode::Forbidden),
        (&keys["NOCUST"], 409, ErrorCode::NoStripeCustomer),
    ];
    for (key, status, code) in rows {
        let error = refusal(&service, key, RETURN_URL).await;
        assert_eq!(
            (error.status().map(|status| status.as_u16()), error.code()),
            (Some(status), Some(&code))
        );
        assert_eq!(error.request_id().map(str::len), Some(26));
        assert_help(&service, &error).await;
        assert!(
            !error.is_retryable() && !format!("{error} {error:?}").contains(&key[8..]),
            "{error}"
        );
    }
    let error = refusal(&service, service.key(), "https://evil.test/").await;
    assert_eq!(error.code(), Some(&ErrorCode::ValidationFailed));
    let problem = "scheme, host and port must match an entry of the return-URL allow-list";
    assert_eq!(error.field("return_url"), Some(problem));

    service.stripe.answer_next(
        Endpoint::Sessions,
        [Reply::status(500), Reply::status(500), Reply::status(500)],
    );
    let error = refusal(&service, service.key(), RETURN_URL).await;
    assert_eq!(error.code(), Some(&ErrorCode::BillingPortalUnavailable));
    assert!(error.is_retryable());

    let mut database = Database::open(&service).await;
    database
        .execute("ALTER TABLE api_keys RENAME TO away")
        .await;
    let error = refusal(&service, &keys["MANY"], RETURN_URL).await;
    assert_eq!(error.code(), Some(&ErrorCode::ServiceUnavailable));
    assert_eq!(
        (error.is_retryable(), error.retry_after()),
        (true, Some(Duration::from_secs(1)))
    );
}

#[tokio::test]
async fn a_rate_limit_error_says_how_long_to_wait() {
    let service = Service::builder()
        .set("RATE_LIMIT_PER_KEY", "3")
        .start()
        .await;
    let client = client(&service, service.key()).await;
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("the first passes");
    let error = client
        .create_portal_session(RETURN_URL)
        .await
        .expect_err("the second waits");
    assert_eq!(error.code(), Some(&ErrorCode::RateLimited));
    assert!(
        error
            .retry_after()
            .is_some_and(|wait| (18..=20).contains(&wait.as_secs())),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_temporary_failure_is_retried() {
    let service = Service::start().await;
    let base_url = format!("http://{}", recording_proxy::start(service.api()).await);
    let client = Client::builder()
        .api_key(service.key())
        .base_url(base_url)
        .build()
        .expect("good settings");
    // Three tries of the service fail, so its first answer is 502; the SDK's second try passes.
    service.stripe.answer_next(
        Endpoint::Sessions,
        [Reply::status(500), Reply::status(500), Reply::status(500)],
    );
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("the second try passes");
    assert_eq!(service.sessions().len(), 4);
}

#[tokio::test]
async fn the_sdk_refuses_nothing_that_the_service_accepts() {
    let service = Service::builder().environment("development").start().await;
    let client = client(&service, service.key()).await;
    let mut opened = 0;
    for url in return_url::accepted() {
        let session = client.create_portal_session(url.as_str()).await;
        assert!(session.is_ok(), "{url}: {session:?}");
        opened += 1;
    }
    assert_eq!(opened, service.sessions().len());
}
