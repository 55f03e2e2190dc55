//! Failures that repeating the call cannot pass are reported at once, by name.

use std::sync::Arc;

use billing_portal_client::{Client, Error, reqwest};
use billing_portal_tests::http_server::{ScriptedReply, reply};

use super::replies::serve;
use super::tls::{Authority, Handshake, TlsServer};
use super::{KEY, RETURN_URL};

/// The error of a call to a server on this port, through an HTTP client of the test or the SDK's own.
async fn failure(port: u16, http: Option<reqwest::Client>) -> Error {
    let builder = Client::builder()
        .api_key(KEY)
        .base_url(format!("https://localhost:{port}"));
    let builder = match http {
        Some(http) => builder.http_client(http),
        None => builder,
    };
    let client = builder.build().expect("valid settings");
    let call = client.create_portal_session(RETURN_URL);
    call.await.expect_err("no connection can be made")
}

/// One connection was made, the error is not retryable, and its text starts with this reason.
async fn assert_rejected(server: TlsServer, error: Error, reason: &str) {
    assert!(
        matches!(error, Error::ConnectionRejected { .. }),
        "{error:?}"
    );
    assert!(!error.is_retryable() && !error.is_timeout(), "{error}");
    assert_eq!((error.status(), error.code()), (None, None));
    let start = format!("could not connect to the billing portal service: {reason}: ");
    assert!(error.to_string().starts_with(&start), "{error}");
    assert_eq!(server.connections().await, 1, "{error}");
}

#[tokio::test]
async fn k3_an_untrusted_certificate_is_reported_at_once() {
    let good = Authority::new().server("localhost", 2098);
    let server = TlsServer::start(Handshake::Tls(Arc::new(good))).await;
    let error = failure(server.port(), None).await;
    assert_rejected(server, error, "the certificate is not trusted").await;
}

#[tokio::test]
async fn k3_a_certificate_of_another_authority_is_reported_at_once() {
    let good = Authority::new().server("localhost", 2098);
    let server = TlsServer::start(Handshake::Tls(Arc::new(good))).await;
    let error = failure(server.port(), Some(Authority::new().client())).await;
    assert_rejected(server, error, "the certificate is not trusted").await;
}

#[tokio::test]
async fn k3_an_expired_certificate_is_reported_at_once() {
    let authority = Authority::new();
    let expired = authority.server("localhost", 2020);
    let server = TlsServer::start(Handshake::Tls(Arc::new(expired))).await;
    let error = failure(server.port(), Some(authority.client())).await;
    assert!(error.to_string().contains("expired"), "{error}");
    assert_rejected(server, error, "the certificate is not trusted").await;
}

#[tokio::test]
async fn k3_a_wrong_host_name_is_reported_at_once() {
    for name in [
        "billing.example.com",
        "*.localhost",
        "localhost.example",
        "127.0.0.1",
    ] {
        let authority = Authority::new();
        let other = authority.server(name, 2098);
        let server = TlsServer::start(Handshake::Tls(Arc::new(other))).await;
        let error = failure(server.port(), Some(authority.client())).await;
        assert_rejected(server, error, "the certificate is for another host name").await;
    }
}

#[tokio::test]
async fn k3_a_handshake_that_cannot_succeed_is_reported_at_once() {
    let cases: [(&[u8], _); 5] = [
        // Alerts of TLS: handshake_failure, protocol_version, certificate_required.
        (
            b"\x15\x03\x03\x00\x02\x02\x28",
            "the service supports no common version or cipher of TLS",
        ),
        (
            b"\x15\x03\x03\x00\x02\x02\x46",
            "the service supports no common version or cipher of TLS",
        ),
        (
            b"\x15\x03\x03\x00\x02\x02\x74",
            "the service requires a client certificate",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "the address of the service does not speak TLS",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "the address of the service does not speak TLS",
        ),
    ];
    for (bytes, reason) in cases {
        let server = TlsServer::start(Handshake::Bytes(bytes)).await;
        let error = failure(server.port(), None).await;
        assert_rejected(server, error, reason).await;
    }
}

/// A handshake that is cut off may succeed the next time.
#[tokio::test]
async fn k3_a_handshake_that_breaks_off_is_retried() {
    // internal_error is the alert of a server that is overloaded or restarting.
    for bytes in [&b""[..], b"\x16\x03\x03", b"\x15\x03\x03\x00\x02\x02\x50"] {
        let server = TlsServer::start(Handshake::Bytes(bytes)).await;
        let error = failure(server.port(), None).await;
        assert!(
            matches!(error, Error::Connect { .. }),
            "{bytes:?}: {error:?}"
        );
        assert!(error.is_retryable());
        assert_eq!(server.connections().await, 3, "{bytes:?}");
    }
}

fn through_proxy(proxy: &str) -> reqwest::Client {
    reqwest::Client::builder()
        .proxy(reqwest::Proxy::all(proxy).expect("a URL"))
        .build()
        .expect("a client")
}

#[tokio::test]
async fn k3_a_407_of_a_tunnelling_proxy_is_reported_at_once() {
    for challenge in [
        "",
        "Proxy-Authenticate: Basic realm=\"x\"\r\n",
        "Proxy-Authenticate: Negotiate\r\n",
    ] {
        let proxy = serve([ScriptedReply::Whole(reply(407, challenge, "<html>"))]).await;
        let error = failure(443, Some(through_proxy(&proxy.base_url()))).await;
        assert!(
            matches!(error, Error::ConnectionRejected { .. }),
            "{error:?}"
        );
        assert!(!error.is_retryable());
        let start =
            "could not connect to the billing portal service: the proxy requires credentials (407)";
        assert!(error.to_string().starts_with(start), "{error}");
        assert_eq!(proxy.requests().len(), 1);
    }
}

/// A proxy for plain http answers the request itself.
#[tokio::test]
async fn k3_a_407_of_a_forwarding_proxy_is_reported_at_once() {
    let proxy = serve([ScriptedReply::Whole(reply(407, "", "<html>"))]).await;
    let client = Client::builder()
        .api_key(KEY)
        .base_url("http://127.0.0.1:9")
        .http_client(through_proxy(&proxy.base_url()))
        .build()
        .expect("valid settings");
    let call = client.create_portal_session(RETURN_URL);
    let error = call.await.expect_err("refused");
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        "an answer with status 407 from a proxy that requires credentials (no content type)"
    );
    assert_eq!(proxy.requests().len(), 1);
}
