//! `otlp_endpoint`: which URLs it takes, and that it is never shown.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use billing_portal_tests::http_message::TestRequest;
use serde_json::Value;

use crate::harness::collector::{Collector, Manner};
use crate::harness::command;
use crate::harness::deployment::Deployment;
use crate::harness::service::{Service, send};

/// The user and the password as the setting has them, and as the collector gets them.
const CREDENTIALS: &str = "us%40er:s3cr%3At";
const DECODED: &str = "us@er:s3cr:t";

fn assert_no_credentials(text: &str) {
    let encoded = STANDARD.encode(DECODED);
    for form in [CREDENTIALS, DECODED, "s3cr", encoded.as_str()] {
        assert!(!text.contains(form), "{form} is in {text}");
    }
}

async fn check(value: &str, more: &[(&str, &str)]) -> command::Outcome {
    let deployment = Deployment::new().await;
    let mut variables = deployment.variables();
    for (name, value) in [("OTLP_ENDPOINT", value)].iter().chain(more) {
        variables.push((format!("BILLING_PORTAL_{name}"), (*value).to_owned()));
    }
    command::run(&["config", "check"], &variables).await
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_of_a_collector_is_reported_with_the_others_and_never_shown() {
    for wrong in [
        format!("{CREDENTIALS}@otlp.example.com:4318"),
        format!("grpc://{CREDENTIALS}@otlp.example.com:4317"),
        format!("unix://{CREDENTIALS}@otlp"),
        format!("htp://{CREDENTIALS}@otlp.example.com"),
        format!("https//{CREDENTIALS}@otlp.example.com"),
        format!("https://{CREDENTIALS}@otlp.example.com/v1/traces"),
        format!("https://{CREDENTIALS}@otlp.example.com/otlp/v1/traces/"),
        format!("https://{CREDENTIALS}@otlp.example.com/?token=s3cr"),
        format!("https://{CREDENTIALS}@otlp.example.com/#s3cr"),
        format!("https://{CREDENTIALS}@otlp example.com"),
        format!("https://{CREDENTIALS}@otlp.example.com:99999"),
        format!("https://{CREDENTIALS}@"),
        format!("'https://{CREDENTIALS}@otlp.example.com'"),
        "true".to_owned(),
    ] {
        let outcome = check(&wrong, &[("STRIPE_ACCOUNT", "acme")]).await;
        let text = outcome.stdout + &outcome.stderr;
        assert_eq!(outcome.code, 1, "{wrong}");
        let problem = "otlp_endpoint: must be the http or https URL of a collector, to which /v1/traces is added";
        assert!(text.contains(problem), "{wrong}: {text}");
        assert!(text.contains("stripe_account: must be"), "{text}");
        assert_no_credentials(&text);
    }
    let mistyped = check("", &[("OTLP_ENDPOINTS", "http://127.0.0.1:4318")]).await;
    let text = mistyped.stdout + &mistyped.stderr;
    assert!(
        text.contains("did you mean BILLING_PORTAL_OTLP_ENDPOINT?"),
        "{text}"
    );
}

#[tokio::test]
async fn an_endpoint_may_have_a_path_and_credentials_and_grpcs_port_is_a_warning() {
    for (good, warns) in [
        ("http://127.0.0.1:4318", false),
        ("http://otel-collector:4318/", false),
        ("http://[::1]:4318", false),
        ("https://user:token@otlp.example.com/otlp", false),
        ("http://otel-collector:4317", true),
        ("", false),
    ] {
        let outcome = check(good, &[]).await;
        let text = outcome.stdout + &outcome.stderr;
        assert_eq!(outcome.code, 0, "{good}: {text}");
        assert_eq!(
            text.contains("4317 is usually the port for gRPC"),
            warns,
            "{good}: {text}"
        );
    }
}

#[tokio::test]
async fn the_credentials_of_the_endpoint_reach_the_collector_and_nothing_else() {
    let collector = Collector::start(&[Manner::Accept]).await;
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let file = directory.path().join("otlp");
    let endpoint = format!("http://{CREDENTIALS}@{}/otlp/", collector.address);
    fs::write(&file, format!("{endpoint}\n")).expect("the file can be written");
    let path = file.display().to_string();
    for (name, value) in [("OTLP_ENDPOINT", &endpoint), ("OTLP_ENDPOINT_FILE", &path)] {
        let service = Service::builder().set(name, value).start().await;
        let before = collector.requests().len();
        send(service.api(), &TestRequest::get("/v1/unknown")).await;
        collector.wait_for_batches(before + 1).await;
        let shown = service.command(&["config", "show"]).await;
        assert_no_credentials(&(shown.stdout + &shown.stderr));
        let shown = service.run(&["config", "show"]).await;
        assert_eq!(shown["otlp_endpoint"], Value::from("[hidden]"));
    }
    for request in collector.requests() {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/otlp/v1/traces")
        );
        let expected = format!("Basic {}", STANDARD.encode(DECODED));
        assert_eq!(request.header("authorization"), Some(expected.as_str()));
        assert_eq!(
            request.header("content-type"),
            Some("application/x-protobuf")
        );
        assert_no_credentials(&String::from_utf8_lossy(&request.body));
    }
}
