//! What the SDK's generator, progenitor, would choke on, said in words and with a line.
//!
//! progenitor panics, or writes code that nobody wants, on documents that OpenAPI allows. Each rule names one such case;
//! whatever no rule foresaw is found by running the generator.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    contract::{Contract, Operation, entries, walk},
    finding::Finding,
};
use crate::{document::child, rust_sdk};

/// The request bodies that progenitor can send.
const SENDABLE: [&str; 5] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "text/plain",
    "text/x-markdown",
];

/// Everything in the contract that the generator cannot take.
pub(crate) fn check(contract: &Contract) -> Vec<Finding> {
    let mut findings = document(contract);
    for operation in contract.operations() {
        findings.extend(shape(contract, &operation));
        findings.extend(answers(contract, &operation));
    }
    if findings.is_empty()
        && let Err(reason) = rust_sdk::source(&contract.written.value)
    {
        findings.push(Finding::in_contract("PG-REFUSED", contract, "").says("progenitor", reason));
    }
    findings
}

fn document(contract: &Contract) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut expect = |holds: bool, id, pointer: &str, reason: &str| {
        if !holds {
            findings.push(Finding::in_contract(id, contract, pointer).says("progenitor", reason));
        }
    };
    let openapi = contract.resolved["openapi"].as_str().unwrap_or_default();
    expect(
        openapi.starts_with("3.0."),
        "PG-VERSION",
        "/openapi",
        "reads OpenAPI 3.0 only",
    );
    let version = contract.version();
    let sendable = !version.is_empty() && version.chars().all(|char| char.is_ascii_graphic());
    expect(
        sendable,
        "PG-HEADER",
        "/info/version",
        "puts info.version into a request header",
    );
    let mut names = BTreeSet::new();
    for operation in contract.operations() {
        let name = operation.value["operationId"].as_str().unwrap_or_default();
        let usable = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
            && names.insert(name.to_owned());
        let pointer = child(&operation.pointer, "operationId");
        expect(
            usable,
            "PG-OPERATION-ID",
            &pointer,
            "names a method after it: unique and snake_case",
        );
    }
    for (path, item) in entries(&contract.written.value["paths"]) {
        expect(
            item.get("$ref").is_none(),
            "PG-PATH",
            &child("/paths", path),
            "does not follow a reference of a path",
        );
    }
    findings
}

/// Parameters and the request's body.
fn shape(contract: &Contract, operation: &Operation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let parameters = operation.value["parameters"].as_array();
    for (index, parameter) in parameters.into_iter().flatten().enumerate() {
        if parameter["in"] == "cookie" || parameter.get("content").is_some() {
            let pointer = child(&child(&operation.pointer, "parameters"), &index.to_string());
            findings.push(
                Finding::in_contract("PG-PARAMETER", contract, &pointer)
                    .has("contract", Some(parameter)),
            );
        }
    }
    let Some(body) = operation.value.get("requestBody") else {
        return findings;
    };
    let types: Vec<_> = entries(&body["content"]).collect();
    let sendable =
        |name: &str| SENDABLE.contains(&name.split(';').next().unwrap_or_default().trim());
    if types.len() != 1
        || !types
            .iter()
            .all(|(name, body)| sendable(name) && body.get("schema").is_some())
    {
        let pointer = child(&child(&operation.pointer, "requestBody"), "content");
        let names: Vec<_> = types.iter().map(|(name, _)| *name).collect();
        findings.push(
            Finding::in_contract("PG-MEDIA-TYPE", contract, &pointer)
                .says("contract", names.join(", ")),
        );
    }
    findings
}

/// The responses: explicit statuses, one schema for success, one for errors, nothing that a newer server would break.
fn answers(contract: &Contract, operation: &Operation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut schemas: [BTreeSet<String>; 2] = Default::default();
    for (status, pointer, response) in operation.responses() {
        let mut report = |id, pointer: &str, what: String| {
            findings.push(Finding::in_contract(id, contract, pointer).says("contract", what));
        };
        if status.parse::<u16>().is_err() {
            report(
                if status == "default" {
                    "PG-DEFAULT"
                } else {
                    "PG-RANGE"
                },
                &pointer,
                status.to_owned(),
            );
        }
        for (media_type, body) in entries(&response["content"]) {
            let place = child(&child(&pointer, "content"), media_type);
            let written = contract
                .written
                .get(&format!("{}/schema", contract.written.origin(&place)));
            schemas[usize::from(!status.starts_with('2'))]
                .insert(written.map_or_else(String::new, Value::to_string));
            if body.get("schema").is_none() {
                report(
                    "PG-SCHEMA",
                    &place,
                    format!("{status} {media_type} has no schema"),
                );
            }
            walk(
                &body["schema"],
                &child(&place, "schema"),
                &mut |pointer, node| {
                    let values = node["enum"].as_array().map_or(0, Vec::len);
                    for (keyword, id, forbidden) in [
                        ("enum", "PG-ENUM", values > 1),
                        ("pattern", "PG-PATTERN", node.get("pattern").is_some()),
                    ] {
                        if forbidden && node["type"] == "string" {
                            report(id, &child(pointer, keyword), node[keyword].to_string());
                        }
                    }
                },
            );
        }
    }
    for schemas in schemas.iter().filter(|schemas| schemas.len() > 1) {
        let pointer = child(&operation.pointer, "responses");
        let list: Vec<_> = schemas
            .iter()
            .map(|schema| schema.chars().take(60).collect::<String>())
            .collect();
        findings.push(
            Finding::in_contract("PG-SHARED-SCHEMA", contract, &pointer)
                .says("contract", list.join(" and ")),
        );
    }
    findings
}
