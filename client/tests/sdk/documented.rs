//! Every documented answer has its own variant with all its fields. The fake server sends the contract's examples.

use std::time::Duration;

use billing_portal_client::http::StatusCode;
use billing_portal_client::test_util::FakeServer;
use billing_portal_client::{Error, ErrorCode};

use super::RETURN_URL;

const EXAMPLE_ID: &str = "01JTBQH2FZ8K1RXC0WJ4Z9P3VM";

#[tokio::test]
async fn an_open_portal_is_a_session() {
    let server = FakeServer::start().expect("a free port");
    let session = server
        .client()
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");
    assert_eq!(
        session.portal_url.expose(),
        "https://billing.stripe.com/p/session/bps_test_a1b2c3d4"
    );
    assert_eq!(session.expires_at.to_rfc3339(), "2026-05-22T12:30:00+00:00");
    assert_eq!(session.request_id, EXAMPLE_ID);
    assert!(
        session.portal_url.is_fresh(Duration::from_secs(295)),
        "five minutes by the fake's clock"
    );
    assert!(!session.portal_url.is_fresh(Duration::from_mins(5)));
    assert_eq!(server.return_urls(), [RETURN_URL]);
}

#[tokio::test]
async fn every_documented_error_is_its_own_case() {
    let server = FakeServer::start().expect("a free port");
    let client = server.client();
    let mut rows = Vec::new();
    for documented in FakeServer::documented_codes() {
        server.refuse(&documented);
        let error = client
            .create_portal_session(RETURN_URL)
            .await
            .expect_err("refused");
        let Error::Api(api) = &error else {
            panic!("{documented} was {error:?}")
        };
        assert_eq!(api.code, documented);
        assert!(
            !matches!(api.code, ErrorCode::Unknown(_)),
            "{documented} has no case of its own"
        );
        assert_eq!(
            (api.request_id.as_str(), error.request_id()),
            (EXAMPLE_ID, Some(EXAMPLE_ID))
        );
        assert_eq!(api.headers()["cache-control"], "no-store");
        assert_eq!(error.status(), Some(api.status));
        let waits = api.retry_after.map_or(0, |wait| wait.as_secs());
        rows.push(format!(
            "{} {} {waits} {}",
            api.status.as_u16(),
            api.code,
            error.is_retryable()
        ));
    }
    // Status, code, seconds to wait, whether it is retryable.
    let expected = [
        "400 BAD_REQUEST 0 false",
        "401 UNAUTHORIZED 0 false",
        "403 FORBIDDEN 0 false",
        "408 REQUEST_TIMEOUT 0 true",
        "409 NO_STRIPE_CUSTOMER 0 false",
        "413 PAYLOAD_TOO_LARGE 0 false",
        "415 UNSUPPORTED_MEDIA_TYPE 0 false",
        "422 VALIDATION_FAILED 0 false",
        "429 RATE_LIMITED 1 true",
        "500 INTERNAL 0 true",
        "502 BILLING_PORTAL_UNAVAILABLE 1 true",
        "503 SERVICE_UNAVAILABLE 1 true",
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_refused_field_is_found_by_its_name() {
    let server = FakeServer::start().expect("a free port");
    server.refuse(&ErrorCode::ValidationFailed);
    let error = server
        .client()
        .create_portal_session(RETURN_URL)
        .await
        .expect_err("refused");
    let problem = "scheme, host and port must match an entry of the return-URL allow-list";
    assert_eq!(error.field("return_url"), Some(problem));
    assert_eq!(error.field("other"), None);
    let line = format!(
        "422 VALIDATION_FAILED: validation failed; return_url: {problem} (request {EXAMPLE_ID})"
    );
    assert_eq!(error.to_string(), line);
}

#[tokio::test]
async fn a_session_becomes_a_redirect() {
    let server = FakeServer::start().expect("a free port");
    let session = server
        .client()
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");
    let url = session.portal_url.expose().to_owned();
    let redirect = session.portal_url.into_redirect();
    assert_eq!(redirect.status(), StatusCode::SEE_OTHER);
    let mut headers: Vec<_> = redirect
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    headers.sort_unstable();
    let expected = [
        ("cache-control", "no-store"),
        ("location", &*url),
        ("referrer-policy", "no-referrer"),
    ];
    assert_eq!(
        headers,
        expected.map(|(name, value)| (name, value.as_bytes()))
    );
    assert!(
        !format!("{redirect:?}").contains(&url),
        "the redirect's Debug shows the URL"
    );
}

/// After one refused request the fake opens portals again, so a client that retries succeeds.
#[tokio::test]
async fn the_fake_server_can_refuse_once() {
    let server = FakeServer::start().expect("a free port");
    let client = server.client_builder().build().expect("valid settings");
    server.refuse_once(&ErrorCode::RequestTimeout);
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("the second try succeeds");
    assert_eq!(server.return_urls().len(), 2);

    server.refuse(&ErrorCode::Forbidden);
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect_err("refused");
    server.open();
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("open again");
}
