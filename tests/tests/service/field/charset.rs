//! The charset of a request's content type: each spelling of UTF-8 is accepted, another charset is refused by name.

use crate::harness::log;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

const CHARSET: &str = "the charset of the content type is not UTF-8";

fn portal(service: &Service, content_type: &str) -> TestRequest {
    TestRequest::portal(service.key(), RETURN_URL).with_header("Content-Type", content_type)
}

#[tokio::test]
async fn s16_every_spelling_of_utf8_is_accepted() {
    let service = Service::start().await;
    for content_type in [
        "application/json;charset=utf8",
        "application/json; charset=UTF8",
        "application/json; charset=\"utf8\"",
        "application/json; charset=\"UTF-8\"",
        "application/json; charset='utf-8'",
        "application/json; charset=\"utf\\-8\"",
        "application/json; Charset=Utf8; boundary=x",
        "application/json; charset = utf-8",
        "application/json;charset=utf8;",
    ] {
        let answer = send(service.api(), &portal(&service, content_type)).await;
        assert_eq!(answer.status, 200, "{content_type}");
    }
}

#[tokio::test]
async fn s16_the_log_says_that_it_is_the_charset() {
    let service = Service::start().await;
    let process = Process::beside(&service, &[]).await;
    #[rustfmt::skip]
    let rows = [
        ("application/json; charset=utf-16", CHARSET),
        ("application/json; charset=iso-8859-1", CHARSET),
        ("application/json; charset=utf8; charset=latin1", CHARSET),
        ("application/json; charset = utf-16", CHARSET),
        ("application/json; charset=", CHARSET),
        ("application/json; charset=\"utf8", CHARSET),
        ("application/json; charset=utf_8", CHARSET),
        ("text/plain; charset=utf-8", "the content type is not application/json"),
        ("application/json; utf-8", "the content type is not application/json"),
    ];
    for (content_type, _) in rows {
        let answer = send(process.api, &portal(&service, content_type)).await;
        answer.assert_error("UNSUPPORTED_MEDIA_TYPE");
    }
    let none = portal(&service, "").without_header("Content-Type");
    send(process.api, &none)
        .await
        .assert_error("UNSUPPORTED_MEDIA_TYPE");
    process.terminate().await;
    let (_, text) = process.end().await;
    let causes: Vec<String> = log::lines(&text)
        .into_iter()
        .filter(|line| line["status"] == 415)
        .map(|line| line["cause"].as_str().unwrap_or_default().to_owned())
        .collect();
    let expected = rows.map(|(_, cause)| cause);
    assert_eq!(causes[..rows.len()], expected);
    assert_eq!(causes[rows.len()..], ["there is no content type"]);
}
