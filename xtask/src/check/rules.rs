//! The contract alone: is it valid, and does it keep this product's rules?
//!
//! The rules are those that make the other tools work: requests are closed and responses open, so that both sides can
//! grow; scopes and codes are written where a program can read them; every answer has its headers.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

use super::{
    contract::{Contract, Operation, entries, strings, walk},
    finding::Finding,
};
use crate::document::child;

/// Everything that is wrong with the contract by itself.
pub(crate) fn check(contract: &Contract) -> Vec<Finding> {
    let mut findings = valid_openapi(contract);
    findings.extend(references(contract));
    for operation in contract.operations() {
        findings.extend(security(contract, &operation));
        findings.extend(lifecycle(contract, &operation));
        findings.extend(closed_and_open(contract, &operation));
        findings.extend(codes_and_headers(contract, &operation));
    }
    findings.extend(codes_have_one_status(contract));
    findings
}

fn valid_openapi(contract: &Contract) -> Vec<Finding> {
    // The OpenAPI initiative's own schema of 3.0 documents, Apache-2.0; it refuses keywords that 3.0 does not have.
    static OPENAPI: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let schema = include_str!("openapi-3.0.schema.json");
        let schema = serde_json::from_str(schema).expect("the vendored schema is JSON");
        jsonschema::draft4::new(&schema).expect("the vendored schema is a schema")
    });
    let errors = OPENAPI.iter_errors(&contract.written.value);
    errors
        .map(|error| {
            let reason: String = error
                .masked_with("this")
                .to_string()
                .chars()
                .take(200)
                .collect();
            Finding::in_contract("DOC-OPENAPI", contract, &error.instance_path().to_string())
                .says("OpenAPI 3.0", reason)
        })
        .collect()
}

fn references(contract: &Contract) -> Vec<Finding> {
    let mut findings = Vec::new();
    walk(&contract.resolved, "", &mut |pointer, node| {
        if let Some(target) = node.get("$ref").and_then(Value::as_str) {
            let finding = Finding::in_contract("DOC-REF", contract, &child(pointer, "$ref"));
            findings.push(finding.says(
                "contract",
                format!("{target} leads nowhere, to itself or outside"),
            ));
        }
    });
    findings.dedup_by(|a, b| a.pointer == b.pointer);
    findings
}

/// Who may call is written where a program reads it, and the prose says the same.
fn security(contract: &Contract, operation: &Operation<'_>) -> Vec<Finding> {
    let finding =
        |id, key| Finding::in_contract(id, contract, &format!("{}/{key}", operation.pointer));
    let mut findings = Vec::new();
    let schemes = &contract.resolved["components"]["securitySchemes"];
    let required = operation
        .value
        .get("security")
        .unwrap_or(&contract.resolved["security"]);
    let required: Vec<_> = required
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(entries)
        .collect();
    if required.is_empty()
        || required
            .iter()
            .any(|(scheme, _)| schemes.get(scheme).is_none())
    {
        findings
            .push(finding("DOC-SECURITY", "security").says("contract", format!("{required:?}")));
    }
    let bearer = |scheme: &str| schemes[scheme]["type"] == "http";
    for (scheme, _) in required
        .iter()
        .filter(|(scheme, scopes)| bearer(scheme) && strings(scopes).next().is_some())
    {
        findings.push(
            finding("DOC-SCOPE-LIST", "security/0")
                .says("contract", format!("{scheme} lists scopes")),
        );
    }
    let mut declared: Vec<_> = strings(&operation.value["x-required-scopes"]).collect();
    let prose = operation.value["description"].as_str().unwrap_or_default();
    let scope = Regex::new("`([a-z0-9_-]+:[a-z0-9_-]+)`").expect("a pattern");
    let mut told: Vec<_> = scope
        .captures_iter(prose)
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .collect();
    for scopes in [&mut declared, &mut told] {
        scopes.sort_unstable();
        scopes.dedup();
    }
    if declared != told || declared.is_empty() {
        let finding = finding("DOC-SCOPE-PROSE", "x-required-scopes");
        findings.push(
            finding
                .says("x-required-scopes", declared.join(" "))
                .says("description", told.join(" ")),
        );
    }
    findings
}

/// Tags are declared; what will go away says when.
fn lifecycle(contract: &Contract, operation: &Operation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let declared = |tag: &str| {
        contract.resolved["tags"]
            .as_array()
            .is_some_and(|tags| tags.iter().any(|one| one["name"] == tag))
    };
    for tag in strings(&operation.value["tags"]).filter(|tag| !declared(tag)) {
        findings.push(
            Finding::in_contract("DOC-TAG", contract, &child(&operation.pointer, "tags"))
                .says("contract", tag),
        );
    }
    walk(operation.value, &operation.pointer, &mut |pointer, node| {
        if node["deprecated"] == true && node.get("x-sunset").is_none() {
            findings.push(Finding::in_contract(
                "DOC-DEPRECATED",
                contract,
                &child(pointer, "deprecated"),
            ));
        }
    });
    findings
}

/// Requests refuse what they do not know; responses may grow.
fn closed_and_open(contract: &Contract, operation: &Operation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let body = child(&operation.pointer, "requestBody");
    walk(
        &operation.value["requestBody"]["content"],
        &child(&body, "content"),
        &mut |pointer, node| {
            if node.get("properties").is_some()
                && node["type"] == "object"
                && node["additionalProperties"] != false
            {
                findings.push(Finding::in_contract("DOC-CLOSED", contract, pointer));
            }
        },
    );
    let responses = child(&operation.pointer, "responses");
    walk(
        &operation.value["responses"],
        &responses,
        &mut |pointer, node| {
            if node["type"] == "object" && node["additionalProperties"] == false {
                findings.push(Finding::in_contract(
                    "DOC-OPEN",
                    contract,
                    &child(pointer, "additionalProperties"),
                ));
            }
        },
    );
    findings
}

/// Every answer says its codes, and has the headers that go with it.
fn codes_and_headers(contract: &Contract, operation: &Operation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (status, pointer, response) in operation.responses() {
        let codes: Vec<_> = strings(&response["x-error-codes"]).collect();
        let listed = contract.listed_codes();
        let unlisted = codes.iter().find(|code| !listed.contains(code));
        if codes.is_empty() != status.starts_with('2') || unlisted.is_some() {
            let finding =
                Finding::in_contract("DOC-CODES", contract, &child(&pointer, "x-error-codes"));
            findings.push(
                finding
                    .says("response", codes.join(" "))
                    .says("x-extensible-enum", listed.join(" ")),
            );
        }
        let of_this_status: &[&str] = match status {
            "401" | "403" => &["WWW-Authenticate"],
            "405" => &["Allow"],
            "429" | "503" => &["Retry-After"],
            _ => &[],
        };
        for header in ["X-Request-Id", "Cache-Control", "X-Content-Type-Options"]
            .iter()
            .chain(of_this_status)
        {
            if response["headers"][header]["required"] != true {
                let finding =
                    Finding::in_contract("DOC-HEADERS", contract, &child(&pointer, "headers"));
                findings.push(finding.says("rule", format!("{status} always has {header}")));
            }
        }
    }
    findings
}

/// A code means one status, so that a caller may decide on either.
fn codes_have_one_status(contract: &Contract) -> Vec<Finding> {
    let mut statuses: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    let operations = contract.operations();
    for (status, pointer, response) in operations.iter().flat_map(Operation::responses) {
        for code in strings(&response["x-error-codes"]) {
            let first = statuses.entry(code).or_insert(status);
            if *first != status {
                let finding =
                    Finding::in_contract("DOC-CODES", contract, &child(&pointer, "x-error-codes"));
                findings.push(
                    finding.says("contract", format!("{code} is of {first} and of {status}")),
                );
            }
        }
    }
    findings
}
