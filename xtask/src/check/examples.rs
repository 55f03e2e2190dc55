//! Examples: each is valid against its schema, belongs where it stands, and gives nothing away.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{
    contract::{Contract, Operation, entries, strings, walk},
    finding::Finding,
};
use crate::document::child;

/// What only a real secret looks like; ours end in `…` or are too short.
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\bam_(live|test)_[0-9A-Za-z]{36}\b|\b(sk|rk)_(live|test)_[0-9A-Za-z]{16,}|\bwhsec_[0-9A-Za-z]{16,}")
        .expect("a pattern")
});

/// Everything that is wrong with the contract's examples.
pub(crate) fn check(contract: &Contract) -> Vec<Finding> {
    let mut findings = valid(contract);
    for operation in contract.operations() {
        findings.extend(meaningful(contract, &operation));
    }
    walk(&contract.written.value, "", &mut |pointer, node| {
        if let Some(secret) = node.as_str().and_then(secret_in) {
            findings.push(
                Finding::in_contract("EX-SECRET", contract, pointer).says("contract", secret),
            );
        }
    });
    findings
}

/// The beginning of a secret in `text`, enough to find it and too little to use it.
pub(crate) fn secret_in(text: &str) -> Option<String> {
    SECRET
        .find(text)
        .map(|found| format!("{}…", &found.as_str()[..10]))
}

/// Every node that has a schema and examples, and every schema that has one itself.
fn valid(contract: &Contract) -> Vec<Finding> {
    let mut findings = Vec::new();
    walk(&contract.resolved, "", &mut |pointer, node| {
        if pointer.contains("/examples/") {
            return;
        }
        let schema = node
            .get("schema")
            .or_else(|| node.get("type").is_some().then_some(node));
        let Some(schema) = schema else { return };
        let own = node
            .get("example")
            .map(|value| (child(pointer, "example"), value));
        let named = entries(&node["examples"]).map(|(name, example)| {
            (
                child(&child(&child(pointer, "examples"), name), "value"),
                &example["value"],
            )
        });
        for (place, value) in own.into_iter().chain(named) {
            if let Err(Mismatch { at, reason }) = matches_schema(schema, value) {
                let finding = Finding::in_contract("EX-SCHEMA", contract, &(place + &at));
                findings.push(finding.says("schema", reason));
            }
        }
    });
    findings.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    findings.dedup_by(|a, b| a.pointer == b.pointer);
    findings
}

/// How a value is not what its schema allows.
pub(crate) struct Mismatch {
    /// Where in the value, as a JSON pointer.
    pub(crate) at: String,
    /// Why.
    pub(crate) reason: String,
}

/// Whether `value` is what `schema`, with its references followed, allows.
pub(crate) fn matches_schema(schema: &Value, value: &Value) -> Result<(), Mismatch> {
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft4);
    let options = options
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true);
    let not_a_schema = |error: jsonschema::ValidationError<'_>| Mismatch {
        at: String::new(),
        reason: error.to_string(),
    };
    let validator = options.build(schema).map_err(not_a_schema)?;
    validator.validate(value).map_err(|error| {
        let at = error.instance_path().to_string();
        Mismatch {
            reason: format!("{error} at `{at}`"),
            at,
        }
    })
}

/// Error examples: their code is of their status, their details name fields of the request, every code has one.
fn meaningful(contract: &Contract, operation: &Operation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let fields = request_fields(operation);
    for (_, pointer, response) in operation.responses() {
        let codes: Vec<_> = strings(&response["x-error-codes"]).collect();
        let mut shown = Vec::new();
        for (media_type, body) in entries(&response["content"]) {
            let place = child(&child(&child(&pointer, "content"), media_type), "examples");
            for (name, example) in entries(&body["examples"]) {
                let place = child(&child(&place, name), "value");
                let error = &example["value"]["error"];
                let code = error["code"].as_str();
                if !codes.is_empty() && (code != Some(name) || !codes.contains(&name)) {
                    let finding =
                        Finding::in_contract("EX-CODE", contract, &format!("{place}/error/code"));
                    findings.push(
                        finding
                            .has("example", error.get("code"))
                            .says("x-error-codes", codes.join(" ")),
                    );
                }
                for (field, _) in
                    entries(&error["details"]).filter(|(field, _)| !fields.contains(field))
                {
                    let finding = Finding::in_contract(
                        "EX-FIELD",
                        contract,
                        &format!("{place}/error/details"),
                    );
                    findings.push(
                        finding
                            .says("example", field)
                            .says("request", fields.join(" ")),
                    );
                }
                shown.push(name);
            }
        }
        let missing = if codes.is_empty() {
            shown.is_empty()
        } else {
            codes.iter().any(|code| !shown.contains(code))
        };
        if missing {
            let finding = Finding::in_contract("EX-MISSING", contract, &pointer);
            findings.push(
                finding
                    .says("codes", codes.join(" "))
                    .says("examples", shown.join(" ")),
            );
        }
    }
    findings
}

fn request_fields<'a>(operation: &Operation<'a>) -> Vec<&'a str> {
    let bodies = entries(&operation.value["requestBody"]["content"]);
    bodies
        .flat_map(|(_, body)| entries(&body["schema"]["properties"]))
        .map(|(field, _)| field)
        .collect()
}
