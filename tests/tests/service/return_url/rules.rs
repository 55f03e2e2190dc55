//! Each rule of return URLs has its own error text.

use crate::harness::service::Service;
use billing_portal_tests::http_message::TestRequest;

#[tokio::test]
async fn each_rule_of_return_urls_has_its_own_error_text() {
    let service = Service::start().await;
    let long = format!("https://app.example.com/{}", "a".repeat(2048));
    #[rustfmt::skip]
    let rows = [
        ("{}".to_owned(), "is required"),
        (r#"{"return_url":null}"#.to_owned(), "must be a string"),
        (r#"{"return_url":["https://app.example.com"]}"#.to_owned(), "must be a string"),
        (r#"{"return_url":""}"#.to_owned(), "must not be empty"),
        (format!(r#"{{"return_url":"{long}"}}"#), "must be at most 2048 characters"),
        (r#"{"return_url":"https://app.example.com/a b"}"#.to_owned(), "must not contain white space, control or invisible characters, or backslashes"),
        (r#"{"return_url":"https://app.example.com/100%"}"#.to_owned(), "must have two hexadecimal digits after every %"),
        (r#"{"return_url":"http://app.example.com/"}"#.to_owned(), "must begin with https://"),
        (r#"{"return_url":"https://app.example.com:x/"}"#.to_owned(), "must be a valid URL"),
        (r#"{"return_url":"https://me@app.example.com/"}"#.to_owned(), "must not contain a user name or password"),
        (r#"{"return_url":"https://app.example.org/"}"#.to_owned(), "scheme, host and port must match an entry of the return-URL allow-list"),
        (r#"{"return_url":"https://app.example.com:0443/"}"#.to_owned(), "host and port must be written exactly as on the return-URL allow-list"),
    ];
    for (body, problem) in rows {
        let request = TestRequest::portal(service.key(), "").with_body(body);
        service
            .send(&request)
            .await
            .assert_invalid("return_url", problem);
    }
    assert!(
        service.sessions().is_empty(),
        "Stripe is not called for what we refuse"
    );
}
