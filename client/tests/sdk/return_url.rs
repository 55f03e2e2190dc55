//! The return URLs that are rejected before they are sent; a value that a deployment could accept is not.

use billing_portal_client::Error;
use billing_portal_client::test_util::FakeServer;

/// Values that the service accepts with one configuration or another, one on each line.
const ACCEPTED: &str = include_str!("accepted_return_urls.txt");

#[tokio::test]
async fn an_invalid_return_url_is_not_sent() {
    let server = FakeServer::start().expect("a free port");
    let client = server.client();
    let long = format!("https://app.example.com/{}", "é".repeat(2025));
    let cases = [
        ("", "is empty"),
        (&*long, "is longer than 2048 characters"),
        ("settings/billing", "is not an absolute https URL"),
        ("//app.example.com/", "is not an absolute https URL"),
        ("https:/app.example.com/", "is not an absolute https URL"),
        ("ftp://app.example.com/", "is not an absolute https URL"),
        ("javascript:alert(1)", "is not an absolute https URL"),
        ("https://", "has no host"),
        ("https:///app.example.com/", "has no host"),
        ("https://?app.example.com", "has no host"),
        ("https://user@app.example.com/", "has credentials"),
        ("https://:secret@app.example.com/", "has credentials"),
        (
            "https://app.example.com/ ",
            "has white space, a control character or a backslash",
        ),
        (
            "https://app.example.com/\u{a0}x",
            "has white space, a control character or a backslash",
        ),
        (
            "https://app.example.com/\u{7f}",
            "has white space, a control character or a backslash",
        ),
        (
            "https://app.example.com\\@evil.test/",
            "has white space, a control character or a backslash",
        ),
    ];
    for (value, problem) in cases {
        let error = client
            .create_portal_session(value)
            .await
            .expect_err("refused");
        assert!(
            matches!(
                error,
                Error::InvalidRequest {
                    field: "return_url",
                    ..
                }
            ),
            "{value:?}: {error:?}"
        );
        assert_eq!(error.field("return_url"), Some(problem), "{value:?}");
        assert!(!error.is_retryable());
    }
    assert!(server.return_urls().is_empty(), "a request was made");
}

#[tokio::test]
async fn every_return_url_that_a_service_may_accept_is_sent() {
    let server = FakeServer::start().expect("a free port");
    let client = server.client();
    let longest = format!("https://app.example.com/{}", "é".repeat(2024));
    let values: Vec<&str> = ACCEPTED.lines().chain([&*longest]).collect();
    for value in &values {
        client
            .create_portal_session(*value)
            .await
            .unwrap_or_else(|error| panic!("{value:?}: {error}"));
    }
    assert_eq!(
        server.return_urls(),
        values,
        "each goes out as it was given"
    );
}
