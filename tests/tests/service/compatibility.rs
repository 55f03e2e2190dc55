//! The SDK and the service of different versions: the last release and the present one understand each other.
//!
//! `client/released/sdk` is the SDK of the last release. Its fake server sends the answers of the contract of that
//! release.

use billing_portal_client::test_util::FakeServer;
use billing_portal_tests::http_message::RETURN_URL;
use released_sdk::test_util::FakeServer as ReleasedFakeServer;

use crate::harness::service::Service;

/// A client of the last release that tries once.
fn released_client(base_url: String, key: &str) -> released_sdk::Client {
    let builder = released_sdk::Client::builder().api_key(key);
    let builder = builder.base_url(base_url).max_retries(0);
    builder.build().expect("valid settings")
}

#[tokio::test]
async fn released_sdk_opens_the_portal_of_the_present_service() {
    let service = Service::builder().now("2099-05-22T12:25:00Z").start().await;
    let client = released_client(format!("http://{}", service.api()), service.key());
    let call = client.create_portal_session(RETURN_URL);
    let session = call.await.expect("a session");
    let opened = service.stripe.last_session().expect("a session");
    assert_eq!(opened["url"], session.portal_url.expose());
    assert_eq!(session.expires_at.to_rfc3339(), "2099-05-22T12:30:00+00:00");
    assert_eq!(session.request_id.len(), 26);
}

#[tokio::test]
async fn released_sdk_understands_the_errors_of_the_present_service() {
    use released_sdk::ErrorCode;
    let service = Service::start().await;
    let keys = service.fixtures().await;
    let rows = [
        (&keys["UNKNOWN"], RETURN_URL, ErrorCode::Unauthorized),
        (&keys["READ"], RETURN_URL, ErrorCode::Forbidden),
        (&keys["NOCUST"], RETURN_URL, ErrorCode::NoStripeCustomer),
        (
            &keys["MANY"],
            "https://evil.test/",
            ErrorCode::ValidationFailed,
        ),
    ];
    for (key, return_url, code) in rows {
        let client = released_client(format!("http://{}", service.api()), key);
        let error = client.create_portal_session(return_url).await;
        let error = error.expect_err("refused");
        assert_eq!(error.code(), Some(&code));
        assert_eq!(error.request_id().map(str::len), Some(26));
        let is_field_named = error.field("return_url").is_some();
        assert_eq!(is_field_named, code == ErrorCode::ValidationFailed);
    }
}

/// Every documented answer of the last release.
#[tokio::test]
async fn present_sdk_understands_the_contract_of_the_last_release() {
    let server = ReleasedFakeServer::start().expect("a free port");
    let client = billing_portal_client::Client::builder()
        .api_key(released_sdk::test_util::API_KEY)
        .base_url(server.base_url())
        .max_retries(0)
        .build()
        .expect("valid settings");
    let session = client.create_portal_session(RETURN_URL).await;
    assert!(session.is_ok(), "{session:?}");
    for code in ReleasedFakeServer::documented_codes() {
        server.refuse(&code);
        let error = client.create_portal_session(RETURN_URL).await;
        let found = error.expect_err("refused").code().cloned();
        let expected = billing_portal_client::ErrorCode::from(code.as_str());
        assert!(!matches!(
            expected,
            billing_portal_client::ErrorCode::Unknown(_)
        ));
        assert_eq!(found, Some(expected));
    }
}

/// Every documented answer of the present contract. A code that is new since the release keeps its text.
#[tokio::test]
async fn released_sdk_understands_the_present_contract() {
    let server = FakeServer::start().expect("a free port");
    let key = billing_portal_client::test_util::API_KEY;
    let client = released_client(server.base_url(), key);
    let session = client.create_portal_session(RETURN_URL).await;
    assert!(session.is_ok(), "{session:?}");
    for code in FakeServer::documented_codes() {
        server.refuse(&code);
        let error = client.create_portal_session(RETURN_URL).await;
        let error = error.expect_err("refused");
        assert_eq!(
            error.code().map(released_sdk::ErrorCode::as_str),
            Some(code.as_str())
        );
    }
}

/// A release replaces the kept SDK.
#[test]
fn kept_sdk_is_the_one_of_the_last_release() {
    let version = |text: &str| -> Option<Vec<u64>> {
        text.split('.').map(|part| part.parse().ok()).collect()
    };
    let released = std::fs::read_dir("../client/released").expect("the releases");
    let last = released
        .filter_map(|file| version(file.ok()?.file_name().to_str()?.strip_suffix(".txt")?))
        .max();
    let manifest =
        std::fs::read_to_string("../client/released/sdk/Cargo.toml").expect("a manifest");
    let kept = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    assert_eq!(
        kept.and_then(version),
        last,
        "`cargo xtask release` writes client/released/sdk"
    );
}
