//! The TypeScript client against the running service, in Node. The committed `dist/` runs, so npm is not needed.

use std::path::Path;
use std::process::Output;

use billing_portal_tests::http_message::RETURN_URL;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::service::Service;

/// The package, from this one.
const PACKAGE: &str = "../client/typescript";

/// Opens the portal and prints the error as JSON.
const PRINT_ERROR: &str = r#"
import { createPortalSession } from "billing-portal";
const { KEY, BASE_URL, RETURN_URL } = process.env;
const call = createPortalSession(RETURN_URL, { apiKey: KEY, baseUrl: BASE_URL, maxRetries: 0 });
const { kind, code, status, details, isRetryable, requestId } = await call.catch((error) => error);
console.log(JSON.stringify({ kind, code, status, details, isRetryable, idLength: requestId.length }));
"#;

/// Runs an ES module in the package's folder, so that it can import the package by its name.
async fn run(script: &str, variables: [(&str, &str); 3]) -> Output {
    let package = Path::new(".").join(PACKAGE);
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", script])
        .current_dir(package)
        .envs(variables);
    node.output().await.expect("Node is installed")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

/// The error of a call with this key and return URL.
async fn error(service: &Service, key: &str, return_url: &str) -> Value {
    let base_url = format!("http://{}", service.api());
    let variables = [
        ("KEY", key),
        ("BASE_URL", &*base_url),
        ("RETURN_URL", return_url),
    ];
    let output = run(PRINT_ERROR, variables).await;
    assert!(output.status.success(), "{}", text(output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Runs a program of at most ten lines, which must print the URL of the session that it opens.
async fn opens_the_portal(program: &str) {
    assert!(program.lines().count() <= 10, "{program}");
    let service = Service::start().await;
    let base_url = format!("http://{}", service.api());
    let variables = [
        ("BILLING_PORTAL_API_KEY", service.key()),
        ("BILLING_PORTAL_BASE_URL", &*base_url),
        ("NO_COLOR", "1"),
    ];
    let output = run(program, variables).await;
    let opened = service.stripe.last_session().expect("a session");
    assert_eq!(
        text(output.stdout).trim(),
        opened["url"],
        "{}",
        text(output.stderr)
    );
}

#[tokio::test]
#[ignore = "needs Node"]
async fn typescript_readme_program_opens_the_portal() {
    let readme = std::fs::read_to_string(format!("{PACKAGE}/README.md")).expect("the README");
    let program = readme.split("```ts\n").nth(1).expect("a sample");
    let (program, _) = program.split_once("```").expect("its end");
    opens_the_portal(program).await;
}

/// `open.ts` has no types, so Node runs it as it is.
#[tokio::test]
#[ignore = "needs Node"]
async fn typescript_demo_program_opens_the_portal() {
    let program = std::fs::read_to_string(format!("{PACKAGE}/open.ts")).expect("the program");
    opens_the_portal(&program).await;
}

#[tokio::test]
#[ignore = "needs Node"]
async fn typescript_errors_are_those_of_the_service() {
    let service = Service::start().await;
    let keys = service.fixtures().await;
    let rows = [
        (&keys["UNKNOWN"], 401, "UNAUTHORIZED"),
        (&keys["READ"], 403, "FORBIDDEN"),
        (&keys["NOCUST"], 409, "NO_STRIPE_CUSTOMER"),
    ];
    for (key, status, code) in rows {
        let expected = json!({
            "kind": "Api", "code": code, "status": status, "isRetryable": false, "idLength": 26, "details": {},
        });
        assert_eq!(error(&service, key, RETURN_URL).await, expected);
    }
    let found = error(&service, service.key(), "https://evil.test/").await;
    assert_eq!(found["code"], "VALIDATION_FAILED");
    let problem = "scheme, host and port must match an entry of the return-URL allow-list";
    assert_eq!(found["details"], json!({ "return_url": problem }));
}
