//! Examples: each is valid against its schema, belongs where it stands; every code has one.

use serde_json::Value;

use billing_portal_tests::contract::{
    schema::{UnknownFields, matches_schema},
    tree::{child, entries, strings, walk},
};

use super::finding::Findings;

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
    found.once_each();
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
        if let Err(mismatch) = matches_schema(schema, value, None, UnknownFields::AsDocumented) {
            found
                .at("EX-SCHEMA", &(place + &mismatch.at))
                .says("schema", mismatch.reason);
        }
    }
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
