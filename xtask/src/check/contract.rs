//! The contract alone: is it valid, does it keep this product's rules, and will the generator take it?
//!
//! The rules are those that make the other tools work: requests are closed and responses open, so that both sides can
//! grow; every error status shares one envelope, so that the SDK has one error type; scopes and codes are written
//! where a program can read them.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::{finding::Finding, normalise::resolve};
use crate::document::{Document, child};

/// The contract as it is written and with its references followed.
pub(crate) struct Contract {
    /// As written, with lines.
    pub(crate) written: Document,
    /// With every local reference followed.
    pub(crate) resolved: Value,
}

/// One method of one path.
pub(crate) struct Operation<'a> {
    /// Its path.
    pub(crate) path: &'a str,
    /// Its method, in lower case.
    pub(crate) method: &'a str,
    /// Where it is.
    pub(crate) pointer: String,
    /// What it says, references followed.
    pub(crate) value: &'a Value,
}

impl Contract {
    /// Follows the references of `written`.
    pub(crate) fn new(written: Document) -> Self {
        let resolved = resolve(&written.value);
        Self { written, resolved }
    }

    /// `info.version`.
    pub(crate) fn version(&self) -> &str {
        self.resolved["info"]["version"]
            .as_str()
            .unwrap_or_default()
    }

    /// Every operation.
    pub(crate) fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, item) in entries(&self.resolved["paths"]) {
            let methods =
                entries(item).filter(|(key, value)| *key != "parameters" && value.is_object());
            operations.extend(methods.map(|(method, value)| Operation {
                path,
                method,
                pointer: child(&child("/paths", path), method),
                value,
            }));
        }
        operations
    }

    /// The codes that the contract lists.
    pub(crate) fn listed_codes(&self) -> Vec<&str> {
        strings(&self.resolved["components"]["schemas"]["ErrorBody"]["properties"]["code"]["x-extensible-enum"]).collect()
    }
}

impl Operation<'_> {
    /// Each status with its pointer and what it says.
    pub(crate) fn responses(&self) -> impl Iterator<Item = (&str, String, &Value)> {
        let pointer = child(&self.pointer, "responses");
        entries(&self.value["responses"])
            .map(move |(status, value)| (status, child(&pointer, status), value))
    }
}

/// The entries of an object; none of anything else.
pub(crate) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value))
}

/// The texts of a list.
pub(crate) fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// Calls `visit` with each node below `value` and its pointer.
pub(crate) fn walk(value: &Value, pointer: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(pointer, value);
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| walk(value, &child(pointer, key), visit)),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| walk(item, &child(pointer, &index.to_string()), visit));
        }
        _ => {}
    }
}

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
    static SCHEMA: &str = include_str!("openapi-3.0.schema.json");
    let schema: Value = serde_json::from_str(SCHEMA).expect("the vendored schema is JSON");
    let validator = jsonschema::draft4::new(&schema).expect("the vendored schema is a schema");
    let errors = validator.iter_errors(&contract.written.value);
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
