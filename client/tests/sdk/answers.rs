//! Answers that the contract does not name: codes of a later service, proxies' pages, broken connections.

use std::time::Duration;

use billing_portal_client::http::StatusCode;
use billing_portal_client::{Error, ErrorCode, PortalSession, UnexpectedAnswer};
use billing_portal_tests::http_server::{ScriptedReply, reply};
use tokio::net::TcpListener;

use super::replies::{PORTAL_URL, json, opened, refusal, serve, session};
use super::{KEY, RETURN_URL, client_of};

/// One call against one reply, never repeated.
async fn call(reply: ScriptedReply) -> Result<PortalSession, Error> {
    let server = serve([reply]).await;
    let client = client_of(&server)
        .timeout(Duration::from_millis(500))
        .max_retries(0)
        .build()
        .expect("valid settings");
    client.create_portal_session(RETURN_URL).await
}

async fn unexpected(reply: ScriptedReply) -> Box<UnexpectedAnswer> {
    match call(reply).await {
        Err(Error::UnexpectedAnswer(answer)) => answer,
        other => panic!("was {other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_code_keeps_all_it_carries() {
    for status in [402, 409, 451, 503] {
        let error = call(refusal(status, "TEAPOT", "Retry-After: 7\r\n"))
            .await
            .expect_err("refused");
        assert_eq!(error.code(), Some(&ErrorCode::Unknown("TEAPOT".to_owned())));
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        let Error::Api(api) = &error else {
            panic!("another variant")
        };
        assert!(
            api.excerpt()
                .starts_with(r#"{"success":false,"error":{"code":"TEAPOT""#),
            "{}",
            api.excerpt()
        );
        assert_eq!(error.headers().expect("an answer")["retry-after"], "7");
        assert_eq!(error.request_id(), Some("01JTBQH2FZ8K1RXC0WJ4Z9P3VM"));
        assert_eq!(
            error.is_retryable(),
            status == 503,
            "the status decides about an unknown code"
        );
        assert_eq!(
            error.to_string(),
            format!("{status} TEAPOT: no (request 01JTBQH2FZ8K1RXC0WJ4Z9P3VM)")
        );
    }
}

/// The service's codes outside the operation: the base URL leads to another path of the service.
#[tokio::test]
async fn a_base_url_that_misses_the_operation_is_reported() {
    for (status, name, code) in [
        (404, "NOT_FOUND", ErrorCode::NotFound),
        (405, "METHOD_NOT_ALLOWED", ErrorCode::MethodNotAllowed),
    ] {
        let error = call(refusal(status, name, "")).await.expect_err("refused");
        assert_eq!(error.code(), Some(&code));
        assert_eq!(code.as_str(), name);
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_proxys_page_keeps_status_headers_and_an_excerpt() {
    let page = format!(
        "<html><title>502 Bad Gateway</title>{}</html>",
        "é".repeat(600)
    );
    let headers = "Content-Type: text/html\r\nRetry-After: 3\r\nX-Request-Id: proxy-1\r\n";
    let error = call(ScriptedReply::Whole(reply(502, headers, &page)))
        .await
        .expect_err("refused");
    assert_eq!(
        (error.status(), error.code()),
        (Some(StatusCode::BAD_GATEWAY), None)
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(error.request_id(), Some("proxy-1"));
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        "an answer with status 502 without the service's envelope (text/html)"
    );
    let Error::UnexpectedAnswer(answer) = error else {
        panic!("another variant")
    };
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert_eq!(answer.excerpt(), page.chars().take(512).collect::<String>());
}

#[tokio::test]
async fn a_page_that_repeats_the_request_does_not_reveal_the_key() {
    let page = format!("you sent Authorization: Bearer {KEY}");
    let answer = unexpected(ScriptedReply::Whole(reply(500, "", &page))).await;
    assert_eq!(answer.excerpt(), "you sent Authorization: Bearer [api key]");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = serve([opened()]).await;
    let location = format!("Location: {}/v1/billing/portal\r\n", elsewhere.base_url());
    for status in [301, 302, 303, 307, 308] {
        let answer = unexpected(ScriptedReply::Whole(reply(status, &location, ""))).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(
            answer.headers()["location"],
            location["Location: ".len()..].trim_end()
        );
    }
    assert!(elsewhere.requests().is_empty(), "the redirect was followed");
}

#[tokio::test]
async fn an_invalid_success_is_unexpected() {
    let not_https = [
        "http://billing.stripe.com/p/session/x",
        "http://localhost.evil.test/p/session/x",
        "http://user@localhost/p/session/x",
        "http:localhost/p/session/x",
        "javascript:alert(1)",
        "/p/session/x",
        "",
        "https://",
    ];
    let mut bodies: Vec<String> = not_https.map(session).into();
    bodies.extend([
        String::new(),
        "<html>welcome</html>".to_owned(),
        session(PORTAL_URL).replace("true", "false"),
        session(PORTAL_URL).replace("2026-05-22T12:30:00Z", "soon"),
        session(PORTAL_URL).trim_end_matches('}').to_owned(),
        session("https://billing.stripe.com/p/session/é"),
        session(&format!(
            "https://billing.stripe.com/{}",
            "x".repeat(70_000)
        )),
        r#"{"success":true,"data":{}}"#.to_owned(),
        r#"{"success":false,"error":{"code":"FORBIDDEN","message":"no","request_id":"x"}}"#
            .to_owned(),
    ]);
    for body in bodies {
        let answer = unexpected(json(200, "", &body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}");
        assert_eq!(
            answer.excerpt(),
            "",
            "a success may hold a portal's URL: {body}"
        );
    }
}

#[tokio::test]
async fn a_success_with_unknown_fields_is_a_session() {
    let body = session(PORTAL_URL)
        .replace("\"data\":{", "\"data\":{\"flow\":{\"type\":\"x\"},")
        .replace("true,", "true,\"warnings\":[],");
    assert_eq!(
        call(json(200, "", &body))
            .await
            .expect("a session")
            .portal_url
            .expose(),
        PORTAL_URL
    );
}

#[tokio::test]
async fn a_truncated_body_is_a_broken_connection_with_the_answers_status() {
    for status in [200, 502] {
        let whole = reply(status, "", &session(PORTAL_URL));
        let cut = ScriptedReply::Whole(whole[..whole.len() - 10].to_owned());
        match call(cut).await {
            Err(Error::Disconnected {
                status: Some(seen), ..
            }) => assert_eq!(seen.as_u16(), status),
            other => panic!("was {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_reset_connection_is_a_broken_connection() {
    let whole = reply(200, "", &session(PORTAL_URL));
    for (written, status) in [
        ("", None),
        (&whole[..20], None),
        (&whole[..whole.len() - 10], Some(StatusCode::OK)),
    ] {
        let error = call(ScriptedReply::Reset(written.to_owned()))
            .await
            .expect_err("broken");
        let Error::Disconnected { status: seen, .. } = &error else {
            panic!("{written:?} was {error:?}")
        };
        assert_eq!(*seen, status);
        assert!(error.is_retryable() && !error.is_timeout());
    }
}

#[tokio::test]
async fn a_slow_answer_is_a_timeout() {
    let whole = reply(200, "", &session(PORTAL_URL));
    for written in ["", &whole[..20], &whole[..whole.len() - 10]] {
        let error = call(ScriptedReply::Stalled(written.to_owned()))
            .await
            .expect_err("late");
        let Error::Timeout { after, .. } = &error else {
            panic!("{written:?} was {error:?}")
        };
        assert!((490..2000).contains(&after.as_millis()), "{after:?}");
        assert!(error.is_retryable() && error.is_timeout());
    }
}

#[tokio::test]
async fn a_refused_connection_is_distinguished_from_a_broken_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let client = billing_portal_client::Client::builder()
        .api_key(KEY)
        .base_url(format!("http://{address}"));
    let client = client.max_retries(0).build().expect("valid settings");
    let error = client
        .create_portal_session(RETURN_URL)
        .await
        .expect_err("no server listens");
    assert!(matches!(&error, Error::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn an_error_with_control_characters_is_one_line() {
    let body = r#"{"success":false,"error":{"code":"A\nB","message":"c\r\nd\u001b[31m","request_id":"\u0000","details":{"\n":"\n"}}}"#;
    let error = call(json(422, "", body)).await.expect_err("refused");
    assert_eq!(
        error.to_string(),
        r"422 A\nB: c\r\nd\u{1b}[31m; \n: \n (request \u{0})"
    );
}
