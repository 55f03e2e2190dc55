//! A `Host` that is no host is refused, because two readers may take two targets from it.

use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

#[tokio::test]
async fn l11_an_invalid_host_is_answered_400() {
    let service = Service::start().await;
    for host in [
        "a b",
        "",
        "example.com:port",
        "example.com:99999",
        "example.com:-1",
        "example.com:80:80",
        ":80",
        "user@example.com",
        "user:secret@example.com:80",
        "example.com/path",
        "https://example.com",
        "example.com?x",
        "example.com#x",
        "example.com, evil.test",
        "exa<mple>.com",
        "exam\"ple.com",
        "exam\\ple.com",
        "[::1",
        "::1]",
        "[zz]",
        "[::1]x",
        "[::1]:port",
        "2001:db8::1",
        "ex\u{e9}mple.com",
    ] {
        for request in [
            TestRequest::portal(service.key(), RETURN_URL),
            TestRequest::get("/docs/"),
            TestRequest::get("/nowhere"),
        ] {
            let answer = send(service.api(), &request.with_header("Host", host)).await;
            assert_eq!((answer.status, answer.text()), (400, ""), "{host:?}");
            assert_eq!(answer.header("connection"), Some("close"), "{host:?}");
        }
    }
    assert_eq!(service.sessions().len(), 0);
}

#[tokio::test]
async fn l11_every_form_of_a_host_is_served() {
    let service = Service::start().await;
    for host in [
        "api.example.com",
        "API.Example.COM:8443",
        "localhost",
        "localhost:",
        "billing_portal:8080",
        "billing-portal.internal.",
        "xn--bcher-kva.example",
        "127.0.0.1:8080",
        "[::1]",
        "[2001:db8::1]:8080",
        "[::ffff:192.0.2.1]:65535",
    ] {
        let request = TestRequest::portal(service.key(), RETURN_URL).with_header("Host", host);
        assert_eq!(service.send(&request).await.status, 200, "{host}");
    }
}
