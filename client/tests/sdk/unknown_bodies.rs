//! Error bodies that the contract does not have keep their code.

use billing_portal_client::{Error, ErrorCode};

use super::replies::{json, serve};
use super::{KEY, RETURN_URL, client_of};

/// The error for a body, and the number of requests that a client with one retry made.
async fn error(status: u16, body: &str) -> (Error, usize) {
    let server = serve([json(status, "", body)]).await;
    let client = client_of(&server)
        .max_retries(1)
        .build()
        .expect("valid settings");
    let call = client.create_portal_session(RETURN_URL);
    (call.await.expect_err("refused"), server.requests().len())
}

#[tokio::test]
async fn k8_an_error_body_that_the_contract_does_not_have_keeps_its_code() {
    for body in [
        r#"{"error":{"code":"TEAPOT"}}"#,
        r#"{"success":false,"error":{"code":"TEAPOT"}}"#,
        r#"{"success":false,"error":{"code":"TEAPOT","message":"no"}}"#,
        r#"{"success":false,"error":{"code":"TEAPOT","message":7,"request_id":null}}"#,
        r#"{"success":true,"error":{"code":"TEAPOT","message":"no","request_id":"x"}}"#,
        r#"{"success":"no","data":null,"error":{"type":"x","code":"TEAPOT","details":["y"]}}"#,
        r#"{"success":false,"error":{"code":"TEAPOT","message":"no","request_id":"x","details":{"a":1}}}"#,
    ] {
        for status in [200, 402, 418, 503] {
            let (error, requests) = error(status, body).await;
            assert!(
                matches!(error, Error::UnexpectedAnswer(_)),
                "{body}: {error:?}"
            );
            assert_eq!(
                error.code(),
                Some(&ErrorCode::Unknown("TEAPOT".to_owned())),
                "{body}"
            );
            // The status decides about an unknown code.
            assert_eq!(error.is_retryable(), status == 503, "{body}");
            assert_eq!(requests, if status == 503 { 2 } else { 1 }, "{body}");
            assert!(
                error.to_string().contains(", with the code TEAPOT ("),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn k8_a_known_code_decides_before_the_status() {
    let cases = [
        (
            503,
            "NO_STRIPE_CUSTOMER",
            ErrorCode::NoStripeCustomer,
            false,
        ),
        (409, "RATE_LIMITED", ErrorCode::RateLimited, true),
        (
            502,
            "BILLING_PORTAL_UNAVAILABLE",
            ErrorCode::BillingPortalUnavailable,
            false,
        ),
    ];
    for (status, name, code, is_retryable) in cases {
        let (error, _) = error(status, &format!(r#"{{"error":{{"code":"{name}"}}}}"#)).await;
        assert_eq!(
            (error.code(), error.is_retryable()),
            (Some(&code), is_retryable)
        );
    }
}

#[tokio::test]
async fn k8_a_body_without_a_code_has_none() {
    for body in [
        "",
        "TEAPOT",
        "null",
        "[]",
        r#"{"error":"TEAPOT"}"#,
        r#"{"error":{"code":7}}"#,
        r#"{"error":{"code":"TEAPOT"}"#,
        r#"{"code":"TEAPOT"}"#,
    ] {
        let (error, _) = error(402, body).await;
        assert_eq!(error.code(), None, "{body}");
    }
}

/// A server may repeat the request, and may send much text.
#[tokio::test]
async fn k8_no_text_of_an_answer_reveals_the_key() {
    let bodies = [
        format!(r#"{{"error":{{"code":"{KEY}"}}}}"#),
        format!(
            r#"{{"success":false,"error":{{"code":"{KEY}","message":"{KEY}","request_id":"{KEY}","details":{{"{KEY}":"{KEY}"}}}}}}"#
        ),
    ];
    for body in bodies {
        let (error, _) = error(402, &body).await;
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains(&KEY[8..]) && shown.contains("[api key]"),
            "{shown}"
        );
    }
    let (error, _) = error(
        402,
        &format!(r#"{{"error":{{"code":"{}"}}}}"#, "x".repeat(9999)),
    )
    .await;
    assert_eq!(error.code().map(|code| code.as_str().len()), Some(512));
}
