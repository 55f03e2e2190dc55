//! The contract against what the server declares and against the tables that it really decides by.
//!
//! `billing-portal openapi` prints the document that poem-openapi derives from the code, with three additions taken from
//! the tables used at run time: `x-required-scopes`, `x-error-codes` and, at the root, `x-errors` (code -> status, message).
//! After normalisation both documents must be equal. A difference gets the id of its place; a place that has no id of
//! its own is `SRV-OTHER`, so nothing gets past for want of a name.

use serde_json::Value;

use super::{
    contract::{Contract, Operation, entries, strings, walk},
    difference::{Difference, differences},
    finding::Finding,
    normalise::normalise,
};
use crate::document::{child, segments};

/// Keywords that bound numbers, lists and objects.
const BOUNDS: [&str; 10] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

/// Everything that the server declares otherwise than the contract.
pub(crate) fn check(contract: &Contract, declared: &Value) -> Vec<Finding> {
    let mut findings: Vec<_> =
        differences(&normalise(&contract.written.value), &normalise(declared))
            .into_iter()
            .map(|difference| {
                let place = item_of(contract, &difference).unwrap_or(difference.pointer.clone());
                let finding = Finding::in_contract(id_of(&difference.pointer), contract, &place);
                finding
                    .has("contract", difference.left.as_ref())
                    .has("server", difference.right.as_ref())
            })
            .collect();
    // A component is shared by many responses: one finding for each place in the YAML is enough.
    findings.sort_by(|a, b| (&a.pointer, a.id).cmp(&(&b.pointer, b.id)));
    findings.dedup_by(|a, b| (&a.pointer, a.id, &a.sides) == (&b.pointer, b.id, &b.sides));
    findings.extend(error_table(contract, &declared["x-errors"]));
    findings
}

/// Where the contract writes the item of a list that the server does not have.
fn item_of(contract: &Contract, difference: &Difference) -> Option<String> {
    let list = contract.written.origin(&difference.pointer);
    let item = difference.left.as_ref()?;
    let items = contract.written.get(&list)?.as_array()?;
    let index = items
        .iter()
        .position(|one| [one, &one["url"], &one["name"]].contains(&item))?;
    Some(child(&list, &index.to_string()))
}

/// The finding for a difference at `pointer` of the normalised documents.
fn id_of(pointer: &str) -> &'static str {
    let segments = segments(pointer);
    let segments: Vec<_> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [.., "x-required-scopes"] => "POL-SCOPES",
        [.., "x-error-codes"] => "POL-CODES",
        ["components", "securitySchemes", ..] => "SRV-SECURITY-SCHEME",
        ["paths"] | ["paths", _] => "SRV-PATH",
        ["paths", _, _] => "SRV-METHOD",
        ["paths", _, _, "operationId"] => "SRV-OPERATION-ID",
        ["paths", _, _, "tags"] | ["tags"] => "SRV-TAG",
        ["paths", _, _, "security", ..] => "SRV-SECURITY",
        ["paths", _, _, "parameters", ..] => "SRV-PARAMETER",
        ["paths", _, _, "responses", _] => "SRV-STATUS",
        [.., "deprecated"] => "SRV-DEPRECATED",
        segments if segments.contains(&"headers") => "SRV-HEADER",
        [.., "requestBody"] | [.., "requestBody", "required"] => "SRV-REQUEST-BODY",
        [.., "content"] | [.., "content", _] => "SRV-MEDIA-TYPE",
        [.., "properties" | "items"] | [.., "properties", _] => "SRV-PROPERTY",
        [.., "required"] => "SRV-REQUIRED",
        segments if segments.contains(&"additionalProperties") => "SRV-MAP",
        [.., "type"] => "SRV-TYPE",
        [.., "format"] => "SRV-FORMAT",
        [.., "pattern"] => "SRV-PATTERN",
        [.., "minLength" | "maxLength"] => "SRV-LENGTH",
        [.., bound] if BOUNDS.contains(bound) => "SRV-BOUNDS",
        [.., "enum"] => "SRV-ENUM",
        [.., "nullable"] => "SRV-NULLABLE",
        [.., "default"] => "SRV-DEFAULT",
        ["servers"] => "SRV-SERVER",
        ["info", ..] => "SRV-INFO",
        _ => "SRV-OTHER",
    }
}

/// The table of errors that the server answers from: codes, statuses and messages.
fn error_table(contract: &Contract, table: &Value) -> Vec<Finding> {
    let list = "/components/schemas/ErrorBody/properties/code/x-extensible-enum";
    let mut listed = contract.listed_codes();
    let mut used: Vec<_> = entries(table).map(|(code, _)| code).collect();
    listed.sort_unstable();
    used.sort_unstable();
    let mut findings = Vec::new();
    if listed != used {
        let finding = Finding::in_contract("POL-CODE-LIST", contract, list);
        findings.push(
            finding
                .says("contract", listed.join(" "))
                .says("server", used.join(" ")),
        );
    }
    let operations = contract.operations();
    for (code, row) in entries(table) {
        let status = row["status"].to_string();
        let of_status =
            |response: &Value| strings(&response["x-error-codes"]).any(|one| one == code);
        let documented = operations
            .iter()
            .flat_map(Operation::responses)
            .find(|(_, _, response)| of_status(response));
        match documented {
            Some((documented, pointer, _)) if documented != status => {
                let finding =
                    Finding::in_contract("POL-CODES", contract, &child(&pointer, "x-error-codes"));
                findings.push(
                    finding
                        .says("contract", format!("{code} is {documented}"))
                        .says("server", status),
                );
            }
            Some(_) => {}
            None => findings.extend(outside_the_operations(contract, code, row)),
        }
    }
    findings.extend(messages(contract, table));
    findings
}

/// A code of no operation is told in the description of the API.
fn outside_the_operations(contract: &Contract, code: &str, row: &Value) -> Option<Finding> {
    let prose = contract.resolved["info"]["description"]
        .as_str()
        .unwrap_or_default();
    let told = format!(
        "{} `{code}` (`{}`)",
        row["status"],
        row["message"].as_str().unwrap_or_default()
    );
    let words = prose.split_whitespace().collect::<Vec<_>>().join(" ");
    let missing = Finding::in_contract("POL-OUTSIDE", contract, "/info/description")
        .says("server", told.clone());
    (!words.contains(&told)).then_some(missing)
}

/// Each example's message is the one that the server sends.
fn messages(contract: &Contract, table: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    walk(
        &contract.written.value["paths"],
        "/paths",
        &mut |pointer, node| {
            let (Some(code), Some(message)) = (node["code"].as_str(), node.get("message")) else {
                return;
            };
            if Some(message) != table[code].get("message") {
                let finding =
                    Finding::in_contract("POL-MESSAGE", contract, &child(pointer, "message"));
                findings.push(
                    finding
                        .has("contract", Some(message))
                        .has("server", table[code].get("message")),
                );
            }
        },
    );
    findings
}
