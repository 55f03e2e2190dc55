//! The document of what is not for integrators: it lists what is there, and what is there answers as it says.

use std::time::Duration;

use conformance::stripe::SECRET;
use jsonschema::Draft;
use serde_json::{Value, json};

use crate::harness::answer::Answer;
use crate::harness::ask::Ask;
use crate::harness::contract;
use crate::harness::database::Database;
use crate::harness::service::{Service, send};

const WEBHOOK: &str = "/webhooks/stripe";

async fn document(service: &Service) -> Value {
    let answer = send(service.operations(), &Ask::get("/operations.json")).await;
    answer.assert_header("content-type", "application/json");
    assert_eq!(answer.status, 200);
    answer.json()
}

/// What is wrong with an answer, by the document's operation.
fn problems(document: &Value, operation: &Value, answer: &Answer) -> Vec<String> {
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
    contract::close(&mut root);
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

#[tokio::test]
async fn it_lists_what_the_operations_port_and_the_webhook_have_and_nothing_else() {
    let service = Service::start().await;
    let document = document(&service).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], contract::document()["info"]["version"]);
    let paths = document["paths"].as_object().expect("paths");
    let mut listed: Vec<String> = Vec::new();
    for (path, item) in paths {
        let methods = item.as_object().expect("operations").keys();
        listed.extend(methods.map(|method| format!("{method} {path}")));
    }
    listed.sort();
    assert_eq!(
        listed,
        ["get /healthz", "get /metrics", "get /readyz", "post /webhooks/stripe"]
    );
    let servers = &paths[WEBHOOK]["post"]["servers"];
    let text = servers[0]["description"].as_str().unwrap_or_default();
    assert!(text.starts_with("The API's port, not this one"), "{servers}");

    // Each is where it is said to be, and the documents are where they belong.
    let (api, operations) = (service.api(), service.operations());
    for path in ["/healthz", "/readyz", "/metrics", "/operations.json", "/openapi.json", "/docs/"] {
        let is_shared = ["/openapi.json", "/docs/"].contains(&path);
        let statuses = (
            send(api, &Ask::get(path)).await.status,
            send(operations, &Ask::get(path)).await.status,
        );
        assert_eq!(statuses, (if is_shared { 200 } else { 404 }, 200), "{path}");
    }
    for ask in [Ask::get(WEBHOOK).method("POST"), Ask::portal(service.key(), "https://app.example.com/")] {
        assert_eq!(send(operations, &ask).await.status, 404, "{}", ask.path);
    }
}

#[tokio::test]
async fn everything_that_can_be_read_answers_as_documented_also_when_it_is_not_well() {
    let service = Service::start().await;
    let document = document(&service).await;
    let mut database = Database::open(&service).await;
    for well in [true, false] {
        if !well {
            let away = "ALTER TABLE organizations RENAME TO away";
            database.execute(away).await;
        }
        for path in ["/healthz", "/readyz", "/metrics"] {
            let answer = send(service.operations(), &Ask::get(path)).await;
            let expected = if well || path != "/readyz" { 200 } else { 503 };
            assert_eq!(answer.status, expected, "{path}");
            let operation = &document["paths"][path]["get"];
            assert_eq!(problems(&document, operation, &answer), [""; 0], "{path}");
        }
    }
}

#[tokio::test]
async fn the_webhook_answers_as_documented() {
    let deaf = Service::start().await;
    let service = Service::builder()
        .secret(SECRET)
        .set("STRIPE_WEBHOOK_SECRET", "whsec_simulated")
        .set("BODY_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let document = document(&service).await;
    let operation = &document["paths"][WEBHOOK]["post"];
    let statuses = operation["responses"].as_object().expect("responses");
    let statuses: Vec<&str> = statuses.keys().map(String::as_str).collect();
    assert_eq!(statuses, ["200", "400", "404", "408", "413", "503"]);

    let now = billing_portal_server::clock::Clock::system().now().timestamp();
    let recent = format!("t={now},v1=00");
    let post = |signature: &str, body: &[u8]| {
        let ask = Ask::get(WEBHOOK).method("POST").body(body);
        ask.header("Stripe-Signature", signature)
    };
    let mut answers = vec![
        (404, send(deaf.api(), &post(&recent, b"{}")).await),
        (400, send(service.api(), &post(&recent, b"{}")).await),
        (413, send(service.api(), &post(&recent, &vec![b' '; 1024 * 1024 + 1])).await),
    ];
    let mut slow = post(&recent, b"");
    slow.headers.push(("Content-Length".to_owned(), "9".to_owned()));
    answers.push((408, send(service.api(), &slow).await));
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(problems(&document, operation, &answer), [""; 0], "{status}");
    }
    drop(Duration::ZERO);
}
