//! Listing the origins of return URLs: what is sent, retried and returned.

use billing_portal_client::test_util::FakeServer;
use billing_portal_client::{Error, ErrorCode};

use super::replies::{json, refusal, serve};
use super::{KEY, RETURN_URL, client_of};

const LISTED: &str = r#"{"success":true,"data":{"origins":["https://app.example.com","https://shop.example.com:8443"],"later":1}}"#;

#[tokio::test]
async fn origins_are_listed_after_a_retry_with_the_documented_request() {
    let busy = refusal(503, "SERVICE_UNAVAILABLE", "Retry-After: 0\r\n");
    let server = serve([busy, json(200, "Traceresponse: 00-1\r\n", LISTED)]).await;
    let client = client_of(&server).build().expect("valid settings");
    let call = client
        .list_return_origins()
        .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02")
        .tracestate("a=1");
    let listed = call.await.expect("a list");
    assert_eq!(
        listed.origins,
        ["https://app.example.com", "https://shop.example.com:8443"]
    );
    assert_eq!(listed.request_id, "01JTBQH2FZ8K1RXC0WJ4Z9P3VM");
    assert_eq!(listed.headers()["traceresponse"], "00-1");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        let line = (request.method.as_str(), request.path.as_str());
        assert_eq!(line, ("GET", "/v1/billing/return-origins"));
        assert!(request.body.is_empty());
        let authorization = format!("Bearer {KEY}");
        assert_eq!(request.header("authorization"), Some(&*authorization));
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02";
        assert_eq!(request.header("traceparent"), Some(traceparent));
        assert_eq!(request.header("tracestate"), Some("a=1"));
        assert_eq!(request.header("content-type"), None);
    }
}

#[tokio::test]
async fn answer_without_a_list_is_an_error() {
    let bodies = [
        r#"{"success":true,"data":{}}"#,
        r#"{"success":true,"data":{"origins":[1]}}"#,
        r#"{"success":false,"data":{"origins":[]}}"#,
        "[]",
    ];
    for body in bodies {
        let server = serve([json(200, "", body)]).await;
        let client = client_of(&server).max_retries(0).build();
        let error = client.expect("valid settings").list_return_origins().await;
        let error = error.expect_err(body);
        assert!(matches!(error, Error::UnexpectedAnswer(_)), "{error:?}");
    }
    let server = serve([refusal(403, "FORBIDDEN", "")]).await;
    let client = client_of(&server).build().expect("valid settings");
    let error = client.list_return_origins().max_retries(0).await;
    let error = error.expect_err("a refusal");
    assert_eq!(error.code(), Some(&ErrorCode::Forbidden));
}

#[tokio::test]
async fn fake_server_answers_each_operation_by_its_own_examples() {
    let server = FakeServer::start().expect("a free port");
    let client = server.client();
    let listed = client.list_return_origins().await.expect("a list");
    assert!(
        listed
            .origins
            .contains(&"https://app.example.com".to_owned())
    );
    assert!(server.return_urls().is_empty());

    // Only the operation that opens a portal documents this code.
    server.refuse(&ErrorCode::NoStripeCustomer);
    assert!(client.list_return_origins().await.is_ok());
    let error = client.create_portal_session(RETURN_URL).await;
    assert_eq!(
        error.expect_err("a refusal").code(),
        Some(&ErrorCode::NoStripeCustomer)
    );
    server.open();
    server.refuse_once(&ErrorCode::Unauthorized);
    let error = client.list_return_origins().await.expect_err("a refusal");
    assert_eq!(error.code(), Some(&ErrorCode::Unauthorized));
    assert!(client.list_return_origins().await.is_ok());
}

#[cfg(feature = "blocking")]
#[test]
fn blocking_client_lists_origins() {
    let server = FakeServer::start().expect("a free port");
    let client = billing_portal_client::blocking::Client::new(server.client());
    let client = client.expect("a runtime");
    let listed = client.list_return_origins().expect("a list");
    assert!(!listed.origins.is_empty());
    let again = client.list_return_origins_with(|call| call.max_retries(0));
    assert_eq!(again.expect("a list").origins, listed.origins);
}
