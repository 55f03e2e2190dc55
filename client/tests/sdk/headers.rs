//! The headers of one call, and those of an answer.

use billing_portal_client::Error;
use billing_portal_client::http::HeaderValue;

use super::replies::{PORTAL_URL, json, opened, refusal, serve, session};
use super::{KEY, RETURN_URL, client_of};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn k8_headers_of_one_call_are_sent_with_each_try() {
    let server = serve([refusal(503, "SERVICE_UNAVAILABLE", ""), opened()]).await;
    let client = client_of(&server).build().expect("valid settings");
    let call = client
        .create_portal_session(RETURN_URL)
        .traceparent(HeaderValue::from_static(TRACEPARENT))
        .header("X-Branch".to_owned(), "first".to_owned())
        .header("x-branch", "a=1")
        .header("x-shop", b"caf\xc3\xa9".as_slice());
    call.await.expect("the second try succeeds");
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");
    let [first, second, other] = server.requests().try_into().expect("three requests");
    for request in [first, second] {
        assert_eq!(request.header("traceparent"), Some(TRACEPARENT));
        assert_eq!(request.header("x-branch"), Some("a=1"));
        assert!(request.header("x-shop").is_some());
        assert_eq!(request.headers.len(), 9);
    }
    assert_eq!(other.headers.len(), 6, "the headers were for one call");
}

#[tokio::test]
async fn k8_a_header_that_the_client_sets_cannot_be_changed() {
    let server = serve([opened()]).await;
    let client = client_of(&server).build().expect("valid settings");
    for name in [
        "Authorization",
        "content-type",
        "Content-Length",
        "host",
        "User-Agent",
        "accept",
        "Accept-Encoding",
        "connection",
        "Transfer-Encoding",
        "expect",
    ] {
        let call = client.create_portal_session(RETURN_URL).header(name, KEY);
        let error = call.await.expect_err("refused");
        let problem = format!("{} is set by the client", name.to_ascii_lowercase());
        assert_eq!(error.field("header"), Some(&*problem));
        assert_eq!(
            error.to_string(),
            format!("header {problem}; nothing was sent")
        );
    }
    for (name, value, problem) in [
        ("", "a", "has a name that HTTP does not allow"),
        ("a b", "a", "has a name that HTTP does not allow"),
        ("a:b", "a", "has a name that HTTP does not allow"),
        (
            "x-a",
            "a\r\nb: c",
            "x-a has a value that HTTP does not allow",
        ),
        ("x-a", "\0", "x-a has a value that HTTP does not allow"),
    ] {
        let call = client.create_portal_session(RETURN_URL).header(name, value);
        let error = call.await.expect_err("refused");
        assert_eq!(error.field("header"), Some(problem));
        assert!(matches!(error, Error::InvalidRequest { .. }));
    }
    assert!(server.requests().is_empty(), "a request was made");
}

#[tokio::test]
async fn k8_the_answers_headers_are_kept() {
    let headers = "Traceresponse: 00-1\r\nX-RateLimit-Remaining: 7\r\nSet-Cookie: a=secret\r\n";
    let server = serve([
        json(200, headers, &session(PORTAL_URL)),
        refusal(422, "VALIDATION_FAILED", headers),
    ])
    .await;
    let client = client_of(&server).build().expect("valid settings");
    let call = || {
        client
            .create_portal_session(RETURN_URL)
            .header("x-secret", "secret")
            .traceparent(TRACEPARENT)
            .tracestate("a=secret")
    };
    let shown = format!("{:?}", call());
    assert!(
        shown.contains("x-secret")
            && !["\"secret", "=secret", "00-"]
                .iter()
                .any(|value| shown.contains(value)),
        "{shown}"
    );
    let opened = call().await.expect("a session");
    assert_eq!(opened.headers()["traceresponse"], "00-1");
    assert_eq!(opened.headers()["x-ratelimit-remaining"], "7");
    assert_eq!(opened.headers()["x-request-id"], opened.request_id.as_str());
    let shown = format!("{opened:?}");
    assert!(
        shown.contains("set-cookie") && !shown.contains("secret"),
        "{shown}"
    );
    let error = call().await.expect_err("refused");
    assert_eq!(error.headers().expect("an answer")["traceresponse"], "00-1");
}
