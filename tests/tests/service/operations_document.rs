//! The document of what is not for integrators: it lists what is there, and what is there answers as it says.

use jsonschema::Draft;
use serde_json::{Value, json};

use crate::harness::contract;
use crate::harness::database::Database;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, customer, event, signed, unix_time};
use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::http_message::TestResponse;

const WEBHOOK: &str = "/webhooks/stripe";

async fn document(service: &Service) -> Value {
    let answer = send(service.operations(), &TestRequest::get("/operations.json")).await;
    answer.assert_header("content-type", "application/json");
    assert_eq!(answer.status, 200);
    answer.json()
}

/// What is wrong with an answer, by the document's operation.
fn problems(document: &Value, operation: &Value, answer: &TestResponse) -> Vec<String> {
    let response = &operation["responses"][answer.status.to_string()];
    let content = answer.header("content-type").unwrap_or_default();
    let content = content.split(';').next().unwrap_or_default();
    let schema = &response["content"][content]["schema"];
    if schema.is_null() {
        return vec![format!("{} {content} is not documented", answer.status)];
    }
    let body = match content {
        "application/json" => answer.json(),
        _ => json!(answer.text()),
    };
    let mut root = json!({ "allOf": [schema], "components": document["components"] });
    close(&mut root);
    let options = jsonschema::options().with_draft(Draft::Draft202012);
    let validator = options.build(&root).expect("a JSON Schema");
    let problems = validator.iter_errors(&body);
    let mut problems: Vec<String> = problems.map(|problem| problem.to_string()).collect();
    for header in response["headers"].as_object().into_iter().flatten() {
        if answer.header(&header.0.to_lowercase()).is_none() {
            problems.push(format!("no {}", header.0));
        }
    }
    problems
}

/// Objects with named properties have no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") {
                let closed = Value::Bool(false);
                object.entry("additionalProperties").or_insert(closed);
            }
            object.values_mut().for_each(close);
        }
        Value::Array(elements) => elements.iter_mut().for_each(close),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_lists_exactly_the_operations_of_the_operations_port_and_the_webhook() {
    let service = Service::start().await;
    let document = document(&service).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(
        document["info"]["version"],
        contract::document()["info"]["version"]
    );
    let paths = document["paths"].as_object().expect("paths");
    let mut listed: Vec<String> = Vec::new();
    for (path, item) in paths {
        let methods = item.as_object().expect("operations").keys();
        listed.extend(methods.map(|method| format!("{method} {path}")));
    }
    listed.sort();
    assert_eq!(
        listed,
        [
            "get /healthz",
            "get /metrics",
            "get /readyz",
            "post /webhooks/stripe"
        ]
    );
    let servers = &paths[WEBHOOK]["post"]["servers"];
    let text = servers[0]["description"].as_str().unwrap_or_default();
    assert!(
        text.starts_with("The API's port, not this one"),
        "{servers}"
    );

    // Each is where it is said to be, and the documents are where they belong.
    let (api, operations) = (service.api(), service.operations());
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/operations.json",
        "/openapi.json",
        "/docs/",
    ] {
        let is_shared = ["/openapi.json", "/docs/"].contains(&path);
        let statuses = (
            send(api, &TestRequest::get(path)).await.status,
            send(operations, &TestRequest::get(path)).await.status,
        );
        assert_eq!(statuses, (if is_shared { 200 } else { 404 }, 200), "{path}");
    }
    for request in [
        TestRequest::get(WEBHOOK).with_method("POST"),
        TestRequest::portal(service.key(), "https://app.example.com/"),
    ] {
        assert_eq!(
            send(operations, &request).await.status,
            404,
            "{}",
            request.path
        );
    }
}

#[tokio::test]
async fn every_readable_operation_responds_as_documented_even_when_unhealthy() {
    let service = Service::start().await;
    let document = document(&service).await;
    let mut database = Database::open(&service).await;
    for well in [true, false] {
        if !well {
            let away = "ALTER TABLE organizations RENAME TO away";
            database.execute(away).await;
        }
        for path in ["/healthz", "/readyz", "/metrics"] {
            let answer = send(service.operations(), &TestRequest::get(path)).await;
            let expected = if well || path != "/readyz" { 200 } else { 503 };
            assert_eq!(answer.status, expected, "{path}");
            let operation = &document["paths"][path]["get"];
            assert_eq!(problems(&document, operation, &answer), [""; 0], "{path}");
        }
    }
}

#[tokio::test]
async fn the_webhook_responds_as_documented() {
    let deaf = Service::start().await;
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .set("BODY_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let document = document(&service).await;
    let operation = &document["paths"][WEBHOOK]["post"];
    let statuses = operation["responses"].as_object().expect("responses");
    let statuses: Vec<&str> = statuses.keys().map(String::as_str).collect();
    assert_eq!(statuses, ["200", "400", "404", "408", "413", "503"]);

    let reported = customer("cus_told", "acme");
    let event = event("evt_1", "customer.created", unix_time(), &reported);
    let good = signed(&event);
    let too_large = good.clone().with_body(vec![b' '; 1024 * 1024 + 1]);
    // It announces more than it sends.
    let slow = good.clone().with_header("Content-Length", "100000");
    let rows = [
        (404, deaf.api(), &good),
        (
            400,
            service.api(),
            &good.clone().without_header("Stripe-Signature"),
        ),
        (413, service.api(), &too_large),
        (408, service.api(), &slow),
        (200, service.api(), &good),
    ];
    for (status, address, request) in rows {
        let answer = send(address, request).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(problems(&document, operation, &answer), [""; 0], "{status}");
    }
    let mut database = Database::open(&service).await;
    database.execute("DROP TABLE stripe_events").await;
    let unkept = send(service.api(), &good).await;
    assert_eq!(unkept.status, 503, "{}", unkept.text());
    assert_eq!(problems(&document, operation, &unkept), [""; 0]);
}
