//! The SDK and the service of different versions: the present ones, those of the last release, and those of the minor
//! version before it understand each other.
//!
//! `client/released/sdk` is the SDK of the last release, `client/released/previous-sdk` the last one of the minor version
//! before. Their fake servers send the answers of the contracts of those releases.

use std::path::Path;

use billing_portal_client::test_util::FakeServer;
use billing_portal_tests::http_message::RETURN_URL;

use crate::harness::service::Service;

/// The same tests with each SDK: their types have nothing in common but names.
macro_rules! compatible {
    ($module:ident, $sdk:ident) => {
        mod $module {
            use super::*;

            /// A client of the release that tries once.
            fn released_client(base_url: String, key: &str) -> $sdk::Client {
                let builder = $sdk::Client::builder().api_key(key);
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
                use $sdk::ErrorCode;
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

            /// Every documented answer of the release.
            #[tokio::test]
            async fn present_sdk_understands_the_released_contract() {
                let server = $sdk::test_util::FakeServer::start().expect("a free port");
                let client = billing_portal_client::Client::builder()
                    .api_key($sdk::test_util::API_KEY)
                    .base_url(server.base_url())
                    .max_retries(0)
                    .build()
                    .expect("valid settings");
                let session = client.create_portal_session(RETURN_URL).await;
                assert!(session.is_ok(), "{session:?}");
                for code in $sdk::test_util::FakeServer::documented_codes() {
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
                        error.code().map($sdk::ErrorCode::as_str),
                        Some(code.as_str())
                    );
                }
            }
        }
    };
}

compatible!(last_release, released_sdk);
compatible!(minor_version_before, previous_sdk);

/// A version, or `None` if the text is none.
fn version(text: &str) -> Option<Vec<u64>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// The version of a kept SDK.
fn kept(folder: &str) -> Option<Vec<u64>> {
    let manifest = Path::new("../client/released")
        .join(folder)
        .join("Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).expect("a manifest");
    let mut lines = manifest.lines();
    lines.find_map(|line| version(line.strip_prefix("version = \"")?.strip_suffix('"')?))
}

/// A release replaces the kept SDK, and a new minor version keeps the one before.
#[test]
fn kept_sdks_are_those_of_the_last_two_minor_versions() {
    let released = std::fs::read_dir("../client/released").expect("the releases");
    let mut released: Vec<Vec<u64>> = released
        .filter_map(|file| version(file.ok()?.file_name().to_str()?.strip_suffix(".txt")?))
        .collect();
    released.sort();
    let last = released.last();
    assert_eq!(
        kept("sdk").as_ref(),
        last,
        "`cargo xtask release` writes it"
    );
    let minor = last.map(|version| &version[..2]);
    let before = released.iter().rfind(|one| Some(&one[..2]) != minor);
    assert_eq!(kept("previous-sdk").as_ref(), before);
}
