//! The record of a server that does exactly what the contract documents, made from the contract's own examples.

use serde_json::{Value, json};

use billing_portal_tests::contract::{
    Contract, Operation,
    tree::{entries, strings},
};

/// What every answer has.
const HEADERS: [&str; 3] = ["x-request-id", "cache-control", "x-content-type-options"];

/// One exchange for each documented answer, and one for each code of no operation.
pub(crate) fn exchanges(contract: &Contract) -> Vec<Value> {
    let mut exchanges = Vec::new();
    let mut outside = contract.listed_codes();
    for operation in contract.operations() {
        for (status, _, response) in operation.responses() {
            outside.retain(|code| !strings(&response["x-error-codes"]).any(|own| own == *code));
            let names = entries(&response["headers"]).map(|(name, _)| name.to_lowercase());
            let names: Vec<_> = names.collect();
            let bodies = entries(&response["content"]).map(|(_, body)| &body["examples"]);
            for (_, example) in bodies.flat_map(entries) {
                let mut exchange = answer(exchanges.len(), status, &names, &example["value"]);
                exchange["operation"] = operation.value["operationId"].clone();
                exchange["request"] = request(&operation, status);
                exchanges.push(exchange);
            }
        }
    }
    for code in outside {
        let (status, own) = match code {
            "METHOD_NOT_ALLOWED" => ("405", Some("allow")),
            _ => ("404", None),
        };
        let names: Vec<_> = HEADERS.into_iter().chain(own).map(str::to_owned).collect();
        let body = json!({ "success": false, "error": { "code": code, "message": "" } });
        exchanges.push(answer(exchanges.len(), status, &names, &body));
    }
    exchanges
}

fn answer(number: usize, status: &str, headers: &[String], body: &Value) -> Value {
    let id = format!("{number:026}");
    let mut body = body.clone();
    if body["success"] == false {
        body["error"]["request_id"] = json!(id);
    }
    json!({
        "status": status.parse::<u16>().unwrap_or_default(),
        "code": body["error"]["code"],
        "headers": headers,
        // The SDK never sends what these answer.
        "client": if ["400", "415"].contains(&status) { "raw" } else { "sdk" },
        "response": {
            "headers": { "content-type": "application/json", "x-request-id": id },
            "body": body.to_string(),
        },
    })
}

/// A request that deserves this status.
fn request(operation: &Operation<'_>, status: &str) -> Value {
    let content = &operation.value["requestBody"]["content"]["application/json"];
    let body = entries(&content["examples"]).next();
    let body = body.map(|(_, example)| example["value"].to_string());
    json!({
        "headers": {
            "authorization": if status == "401" { "" } else { "Bearer …" },
            "content-type": if status == "415" { "text/plain" } else { "application/json" },
        },
        "body": if status == "400" { Some("[]".to_owned()) } else { body },
    })
}
