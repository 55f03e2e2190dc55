//! What leaves the SDK: the documented request, and nothing beside it.

use billing_portal_client::http::HeaderMap;

use super::wire::{Wire, header, opened};
use super::{KEY, RETURN_URL, client_of};

/// Every header that may leave, with its value. The service's documentation names the key's; the rest is HTTP's own.
#[tokio::test]
async fn nothing_undocumented_leaves() {
    let wire = Wire::start([opened()]).await;
    let client = client_of(&wire).build().expect("right settings");
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");

    let [request] = wire.requests().try_into().expect("one request");
    let (head, body) = request.split_once("\r\n\r\n").expect("a whole request");
    let (line, headers) = head.split_once("\r\n").expect("a head");
    assert_eq!(line, "POST /v1/billing/portal HTTP/1.1");
    let mut headers: Vec<_> = headers.lines().map(str::to_owned).collect();
    headers.sort();
    let host = wire.base_url().replace("http://", "");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        headers,
        [
            "accept: application/json".to_owned(),
            format!("authorization: Bearer {KEY}"),
            format!("content-length: {}", body.len()),
            "content-type: application/json".to_owned(),
            format!("host: {host}"),
            format!("user-agent: billing-portal-client/{version}"),
        ]
    );
    assert_eq!(body, format!(r#"{{"return_url":"{RETURN_URL}"}}"#));
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let wire = Wire::start([opened()]).await;
    for path in ["/billing", "/billing/"] {
        let client = client_of(&wire)
            .base_url(wire.base_url() + path)
            .build()
            .expect("right settings");
        client
            .create_portal_session(RETURN_URL)
            .await
            .expect("a session");
    }
    for request in wire.requests() {
        assert!(
            request.starts_with("POST /billing/v1/billing/portal HTTP/1.1\r\n"),
            "{request}"
        );
    }
}

#[tokio::test]
async fn a_program_names_itself_before_the_sdk() {
    let wire = Wire::start([opened()]).await;
    let client = client_of(&wire)
        .user_agent("shop/2.1")
        .build()
        .expect("right settings");
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");
    let expected = concat!("shop/2.1 billing-portal-client/", env!("CARGO_PKG_VERSION"));
    assert_eq!(header(&wire.requests()[0], "user-agent"), Some(expected));
}

#[tokio::test]
async fn an_http_client_of_the_integrator_is_used() {
    let wire = Wire::start([opened()]).await;
    let theirs: HeaderMap = [(
        "x-theirs".parse().expect("a name"),
        "1".parse().expect("a value"),
    )]
    .into_iter()
    .collect();
    let http = reqwest::Client::builder()
        .default_headers(theirs)
        .build()
        .expect("a client");
    let client = client_of(&wire)
        .http_client(http)
        .build()
        .expect("right settings");
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");
    assert_eq!(header(&wire.requests()[0], "x-theirs"), Some("1"));
}
