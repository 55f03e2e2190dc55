//! The record of a server that does exactly what the contract documents, made from the contract's own examples.

use serde_json::{Value, json};

use crate::check::contract::{Contract, Operation, entries, strings};

/// One exchange for each documented answer, and one for each code of no operation.
pub(crate) fn exchanges(contract: &Contract) -> Vec<Value> {
    let operations = contract.operations();
    let mut exchanges = Vec::new();
    for operation in &operations {
        for (status, _, response) in operation.responses() {
            let bodies =
                entries(&response["content"]).flat_map(|(_, body)| entries(&body["examples"]));
            exchanges.extend(bodies.map(|(_, example)| {
                let names: Vec<_> = entries(&response["headers"])
                    .map(|(name, _)| name.to_lowercase())
                    .collect();
                exchange(
                    &operation.value["operationId"],
                    status,
                    &names,
                    &example["value"],
                    &request(operation, status),
                )
            }));
        }
    }
    let used: Vec<_> = operations
        .iter()
        .flat_map(Operation::responses)
        .flat_map(|(_, _, response)| strings(&response["x-error-codes"]))
        .collect();
    for code in contract
        .listed_codes()
        .into_iter()
        .filter(|code| !used.contains(code))
    {
        let status = if code == "METHOD_NOT_ALLOWED" {
            "405"
        } else {
            "404"
        };
        let body = json!({ "success": false, "error": { "code": code, "message": "m", "request_id": "r" } });
        let names = [
            "x-request-id",
            "cache-control",
            "x-content-type-options",
            "allow",
        ]
        .map(str::to_owned);
        let names = &names[..if status == "405" { 4 } else { 3 }];
        exchanges.push(exchange(&Value::Null, status, names, &body, &Value::Null));
    }
    for (index, exchange) in exchanges.iter_mut().enumerate() {
        let id = format!("request-{index}");
        let mut body: Value =
            serde_json::from_str(exchange["response"]["body"].as_str().unwrap_or_default())
                .unwrap_or_default();
        if body["error"].is_object() {
            body["error"]["request_id"] = json!(id);
        }
        exchange["response"]["body"] = json!(body.to_string());
        exchange["response"]["headers"]["x-request-id"] = json!(id);
    }
    exchanges
}

fn exchange(
    operation: &Value,
    status: &str,
    headers: &[String],
    body: &Value,
    request: &Value,
) -> Value {
    json!({
        "operation": operation,
        "status": status.parse::<u16>().unwrap_or_default(),
        "code": body["error"]["code"],
        "headers": headers,
        // The SDK never sends what these answer.
        "client": if ["400", "415"].contains(&status) { "raw" } else { "sdk" },
        "request": request,
        "response": { "headers": { "content-type": "application/json" }, "body": body.to_string() },
    })
}

/// A request that deserves this status.
fn request(operation: &Operation<'_>, status: &str) -> Value {
    let mut examples = entries(&operation.value["requestBody"]["content"])
        .flat_map(|(_, body)| entries(&body["examples"]));
    let body = examples
        .next()
        .map_or(String::new(), |(_, example)| example["value"].to_string());
    let mut headers = json!({ "authorization": "Bearer …", "content-type": "application/json", "accept": "application/json" });
    if status == "401" {
        headers["authorization"] = json!("");
    }
    if status == "415" {
        headers["content-type"] = json!("text/plain");
    }
    json!({ "headers": headers, "body": if status == "400" { "[]" } else { &body } })
}
