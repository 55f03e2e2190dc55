//! The contract, the reference page and Swagger UI, as the running service shows them.

mod reference;
mod static_files;

use std::net::SocketAddr;

use serde_json::Value;

use crate::harness::contract;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::http_message::TestResponse;

async fn get(service: &Service, path: &str) -> TestResponse {
    let answer = send(service.api(), &TestRequest::get(path)).await;
    answer.assert_header("x-content-type-options", "nosniff");
    answer
}

#[tokio::test]
async fn the_contract_is_served_as_it_was_committed() {
    let service = Service::start().await;
    let yaml = get(&service, "/openapi.yaml").await;
    assert_eq!((yaml.status, yaml.text()), (200, contract::TEXT));
    yaml.assert_header("content-type", "application/yaml");
    let json = get(&service, "/openapi.json").await;
    assert_eq!(&json.json(), contract::document());
    json.assert_header("content-type", "application/json");
}

/// Claims that Swagger UI is at /docs with all its files; answers the script that starts it.
async fn check_page(address: SocketAddr, title: &str) -> String {
    let get = async |path: &str| {
        let answer = send(address, &TestRequest::get(path)).await;
        answer.assert_header("x-content-type-options", "nosniff");
        answer
    };
    for path in ["/", "/docs"] {
        let redirect = get(path).await;
        assert!((300..400).contains(&redirect.status), "{path}");
        redirect.assert_header("location", "docs/");
    }
    let page = get("/docs/").await;
    assert_eq!(page.status, 200);
    let kind = page.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/html"), "{kind}");
    assert!(page.text().contains(&format!("<title>{title}</title>")));
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("script-src 'self'"), "{policy}");
    let mut script = String::new();
    let files: Vec<&str> = page
        .text()
        .split('"')
        .filter(|text| text.contains("?v="))
        .collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let answer = get(&format!("/docs/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(!answer.body.is_empty(), "{file}");
        let text = String::from_utf8_lossy(&answer.body);
        if text.contains("window.ui = ") {
            script = text.into_owned();
        }
    }
    script
}

#[tokio::test]
async fn swagger_ui_shows_the_contract_and_all_its_files_are_there() {
    let service = Service::start().await;
    let start = check_page(service.api(), "Billing portal API").await;
    assert!(start.contains("\"../openapi.json\"") && !start.contains("/operations.json"));
    assert!(
        start.contains("\"BaseLayout\""),
        "no bar for other documents"
    );
    assert!(
        start.contains("docExpansion: \"full\""),
        "the operation is open"
    );
    assert!(
        !start.contains("supportedSubmitMethods"),
        "all can be tried"
    );
}

#[tokio::test]
async fn on_the_operations_port_swagger_ui_shows_both_documents_and_tries_reads_only() {
    let service = Service::start().await;
    let start = check_page(service.operations(), "Billing portal operations").await;
    let at = |text: &str| {
        start
            .find(text)
            .unwrap_or_else(|| panic!("{text} in {start}"))
    };
    assert!(at("\"../operations.json\"") < at("\"../openapi.json\""));
    at("supportedSubmitMethods: [\"get\"]");
    for path in ["/operations.json", "/openapi.json"] {
        let document = send(service.operations(), &TestRequest::get(path))
            .await
            .json();
        let title = document["info"]["title"].to_string();
        at(&format!("name: {title}"));
    }
}

#[tokio::test]
async fn the_documentation_is_read_only() {
    let service = Service::start().await;
    for path in [
        "/openapi.yaml",
        "/openapi.json",
        "/docs/",
        "/docs/reference",
    ] {
        let answer = send(service.api(), &TestRequest::get(path).with_method("POST")).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, HEAD")),
            "{path}"
        );
        let head = send(service.api(), &TestRequest::get(path).with_method("HEAD")).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    }
}

#[test]
fn every_example_of_an_error_matches_the_error_table() {
    let responses = contract::operation()["responses"]
        .as_object()
        .expect("responses");
    let mut seen = Vec::new();
    for (status, response) in responses {
        let examples = response["content"]["application/json"]["examples"]
            .as_object()
            .expect("examples");
        for (name, example) in examples {
            let Some(error) = example["value"].get("error") else {
                continue;
            };
            let row = (
                status.as_str(),
                error["code"].as_str(),
                error["message"].as_str(),
            );
            let (known, code, message) = billing_portal_tests::response_assertions::error(name);
            assert_eq!(row, (known.to_string().as_str(), Some(code), Some(message)));
            assert_eq!(response["x-error-codes"], Value::from(vec![code]));
            seen.push(code);
        }
    }
    assert_eq!(
        seen.len(),
        12,
        "404 and 405 are outside the operation: {seen:?}"
    );
}
