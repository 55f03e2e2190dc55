//! Examples: each is valid against its schema, belongs where it stands, and gives nothing away.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{
    contract::{entries, strings, walk},
    finding::Findings,
};
use crate::document::child;

/// What only a real secret looks like; ours end in `…` or are too short.
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\bam_(live|test)_[0-9A-Za-z]{36}\b|\b(sk|rk)_(live|test)_[0-9A-Za-z]{16,}|\bwhsec_[0-9A-Za-z]{16,}")
        .expect("a pattern")
});

/// Adds everything that is wrong with the contract's examples.
pub(crate) fn check(found: &mut Findings<'_>) {
    let contract = found.contract;
    walk(&contract.resolved, "", &mut |pointer, node| {
        valid(pointer, node, found);
    });
    for operation in contract.operations() {
        for (_, pointer, response) in operation.responses() {
            meaningful(&operation.request_fields(), &pointer, response, found);
        }
    }
    walk(&contract.written.value, "", &mut |pointer, node| {
        if let Some(secret) = node.as_str().and_then(secret_in) {
            found.at("EX-SECRET", pointer).says("contract", secret);
        }
    });
    found.once_each();
}

/// The beginning of a secret in `text`, enough to find it and too little to use it.
pub(crate) fn secret_in(text: &str) -> Option<String> {
    let secret = SECRET.find(text)?.as_str();
    Some(format!("{}…", &secret[..10]))
}

/// The examples of a node that has a schema, or is one.
fn valid(pointer: &str, node: &Value, found: &mut Findings<'_>) {
    let is_schema = node.get("type").is_some().then_some(node);
    let schema = node.get("schema").or(is_schema);
    let Some(schema) = schema.filter(|_| !pointer.contains("/examples/")) else {
        return;
    };
    let examples = child(pointer, "examples");
    let named = entries(&node["examples"]);
    let named =
        named.map(|(name, named)| (child(&child(&examples, name), "value"), &named["value"]));
    let own = node
        .get("example")
        .map(|own| (child(pointer, "example"), own));
    for (place, value) in own.into_iter().chain(named) {
        if let Err(Mismatch { at, reason }) = matches_schema(schema, value) {
            found.at("EX-SCHEMA", &(place + &at)).says("schema", reason);
        }
    }
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
fn meaningful(fields: &[&str], pointer: &str, response: &Value, found: &mut Findings<'_>) {
    let codes: Vec<_> = strings(&response["x-error-codes"]).collect();
    let mut shown = Vec::new();
    for (media_type, body) in entries(&response["content"]) {
        let place = child(&child(pointer, "content"), media_type);
        for (name, example) in entries(&body["examples"]) {
            shown.push(name);
            let place = child(&child(&place, "examples"), name);
            let error = &example["value"]["error"];
            if !codes.is_empty() && (error["code"] != name || !codes.contains(&name)) {
                let finding = found.at("EX-CODE", &format!("{place}/value/error/code"));
                finding.has("example", error.get("code"));
                finding.says("x-error-codes", codes.join(" "));
            }
            for (field, _) in
                entries(&error["details"]).filter(|(field, _)| !fields.contains(field))
            {
                let finding = found.at("EX-FIELD", &format!("{place}/value/error/details"));
                finding
                    .says("example", field)
                    .says("request", fields.join(" "));
            }
        }
    }
    if shown.is_empty() || codes.iter().any(|code| !shown.contains(code)) {
        let finding = found.at("EX-MISSING", pointer);
        finding
            .says("codes", codes.join(" "))
            .says("examples", shown.join(" "));
    }
}
