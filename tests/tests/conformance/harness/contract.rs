//! The contract as a judge: every answer that a test sees is held to it.
//!
//! The schemas are read more strictly than a client must read them: a field that the contract does not name is a
//! finding here, because the service and its contract change together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::{Draft, Validator};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

use conformance::http_message::TestResponse;

/// The contract's text, as committed.
pub(crate) const TEXT: &str = include_str!("../../../../openapi/billing-portal.yaml");

/// Headers of HTTP itself, which the contract need not name.
const TRANSPORT: [&str; 5] = [
    "connection",
    "content-length",
    "content-type",
    "date",
    "transfer-encoding",
];

/// The contract as JSON, read once.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let documents = Yaml::load_from_str(TEXT).expect("the contract is YAML");
        json_of(&documents[0])
    })
}

/// The one operation.
pub(crate) fn operation() -> &'static Value {
    &document()["paths"]["/v1/billing/portal"]["post"]
}

/// What is wrong with an answer to `create_portal_session`, or to a request outside the operation (404, 405).
pub(crate) fn problems(method: &str, answer: &TestResponse) -> Vec<String> {
    let mut problems = Vec::new();
    let outside = json!({
        "headers": operation()["responses"]["400"]["headers"],
        "content": operation()["responses"]["400"]["content"],
        "x-error-codes": [if answer.status == 404 { "NOT_FOUND" } else { "METHOD_NOT_ALLOWED" }],
    });
    let response = match answer.status {
        404 | 405 => &outside,
        status => &operation()["responses"][status.to_string()],
    };
    if response.is_null() {
        return vec![format!("status {} is not documented", answer.status)];
    }
    judge_headers(answer, response, &mut problems);
    if method != "HEAD" {
        judge_body(answer, response, &mut problems);
    }
    problems
}

/// The documented headers of a response, by lower-case name, with their definitions.
pub(crate) fn headers(response: &Value) -> Vec<(String, &'static Value)> {
    let headers = response["headers"].as_object().into_iter().flatten();
    headers
        .map(|(name, header)| (name.to_ascii_lowercase(), resolve(header)))
        .collect()
}

fn judge_headers(answer: &TestResponse, response: &Value, problems: &mut Vec<String>) {
    let documented = headers(response);
    for (name, header) in &documented {
        match answer.header(name) {
            Some(value) => {
                let value = value
                    .parse::<i64>()
                    .map_or_else(|_| Value::from(value), Value::from);
                judge(
                    &format!("header {name}"),
                    &header["schema"],
                    &value,
                    problems,
                );
            }
            None if header["required"] == true => {
                problems.push(format!("header {name} is missing or doubled"));
            }
            None => {}
        }
    }
    for (name, _) in &answer.headers {
        let known = TRANSPORT.contains(&name.as_str()) || (name == "allow" && answer.status == 405);
        if !known && !documented.iter().any(|(documented, _)| documented == name) {
            problems.push(format!("header {name} is not documented"));
        }
    }
}

fn judge_body(answer: &TestResponse, response: &Value, problems: &mut Vec<String>) {
    let content_type = answer.header("content-type").unwrap_or_default();
    if content_type.split(';').next() != Some("application/json") {
        problems.push(format!("content type {content_type:?}"));
    }
    let body = answer.json();
    let schema = &response["content"]["application/json"]["schema"];
    judge("body", schema, &body, problems);
    let Some(code) = answer.code() else { return };
    let codes = response["x-error-codes"].as_array();
    if !codes.is_some_and(|codes| codes.iter().any(|known| *known == code)) {
        problems.push(format!("code {code} does not belong to {}", answer.status));
    }
    let content = &response["content"]["application/json"];
    let example = &content["examples"][&code]["value"]["error"];
    if !example.is_null() && body["error"]["message"] != example["message"] {
        problems.push(format!("the text of {code} is not the example's"));
    }
    if body["error"]["request_id"] != answer.request_id() {
        problems.push("error.request_id differs from X-Request-Id".to_owned());
    }
    if body["error"]["details"]
        .as_object()
        .is_some_and(Map::is_empty)
    {
        problems.push("empty details are left out".to_owned());
    }
}

fn judge(what: &str, schema: &Value, value: &Value, problems: &mut Vec<String>) {
    for error in validator(schema).iter_errors(value) {
        problems.push(format!(
            "{what}: {error} at {:?}",
            error.instance_path().as_str()
        ));
    }
}

/// A validator of the schema beside all components, so that references resolve. Made once for each schema.
fn validator(schema: &Value) -> Arc<Validator> {
    static MADE: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE
        .lock()
        .expect("no test panics while it makes a validator");
    let validator = made.entry(schema.to_string()).or_insert_with(|| {
        let mut root = json!({ "allOf": [schema], "components": document()["components"] });
        close(&mut root);
        let options = jsonschema::options()
            .with_draft(Draft::Draft4)
            .should_validate_formats(true);
        Arc::new(
            options
                .build(&root)
                .expect("the contract's schemas are JSON Schemas"),
        )
    });
    Arc::clone(validator)
}

/// Objects with named properties have no others.
pub(crate) fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") {
                object
                    .entry("additionalProperties")
                    .or_insert(Value::Bool(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(elements) => elements.iter_mut().for_each(close),
        _ => {}
    }
}

/// Follows a `$ref` within the contract.
fn resolve(node: &Value) -> &'static Value {
    let pointer = node["$ref"].as_str().expect("shared parts are referred to");
    let pointer = pointer.trim_start_matches('#');
    document()
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{pointer} is in the contract"))
}

fn json_of(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Mapping(mapping) => {
            let fields = mapping.iter().map(|(name, value)| {
                let name = name.as_str().expect("keys are strings");
                (name.to_owned(), json_of(value))
            });
            Value::Object(fields.collect())
        }
        Yaml::Sequence(elements) => elements.iter().map(json_of).collect(),
        Yaml::Value(Scalar::Boolean(value)) => Value::from(*value),
        Yaml::Value(Scalar::Integer(value)) => Value::from(*value),
        Yaml::Value(Scalar::String(value)) => Value::from(value.as_ref()),
        other => panic!("the contract holds {other:?}, which is not expected in it"),
    }
}
