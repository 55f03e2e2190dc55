//! Examples: each is valid against its schema, belongs where it stands; every code has one.

use serde_json::Value;

use billing_portal_tests::contract::{
    kind::{Direction, Kind},
    schema::{Mismatch, UnknownFields, matches_schema},
    tree::{child, children, entries, strings},
};

use super::finding::Findings;

/// What has examples of a schema.
const HAVE_EXAMPLES: [Kind; 4] = [Kind::Schema, Kind::MediaType, Kind::Parameter, Kind::Header];

/// Adds everything that is wrong with the contract's examples.
pub(crate) fn check(found: &mut Findings<'_>) {
    let contract = found.contract;
    valid(&contract.resolved, Kind::Document, None, "", found);
    for operation in contract.operations() {
        for (_, pointer, response) in operation.responses() {
            meaningful(&operation.request_fields(), &pointer, response, found);
        }
    }
    found.once_each();
}

/// The examples of a node and of everything below it.
fn valid(
    node: &Value,
    kind: Kind,
    way: Option<Direction>,
    pointer: &str,
    found: &mut Findings<'_>,
) {
    let schema = match kind {
        Kind::Schema => Some(node),
        _ => node.get("schema"),
    };
    if let Some(schema) = schema.filter(|_| HAVE_EXAMPLES.contains(&kind)) {
        let own = node.get("example");
        let own = own.map(|value| (child(pointer, "example"), value));
        let place = child(pointer, "examples");
        let named = entries(&node["examples"]).filter(|(_, one)| one.get("value").is_some());
        let named = named.map(|(name, one)| (child(&child(&place, name), "value"), &one["value"]));
        for (place, value) in own.into_iter().chain(named) {
            if let Err(mismatch) = matches(schema, value, way) {
                let finding = found.at("EX-SCHEMA", &(place + &mismatch.at));
                finding.says("schema", mismatch.reason);
            }
        }
    }
    if kind == Kind::Example && node.get("externalValue").is_some() {
        found.at("EX-EXTERNAL", &child(pointer, "externalValue"));
    }
    for (key, below) in children(node) {
        let kind_below = kind.child(&key);
        if !matches!(
            kind_below,
            Kind::Data | Kind::Text | Kind::Value | Kind::Opaque
        ) {
            let way = kind.direction(way);
            valid(below, kind_below, way, &child(pointer, &key), found);
        }
    }
}

/// What is used both ways has to fit on one of them.
fn matches(schema: &Value, value: &Value, way: Option<Direction>) -> Result<(), Mismatch> {
    let matches = |way| matches_schema(schema, value, Some(way), UnknownFields::AsDocumented);
    match way {
        Some(way) => matches(way),
        None => matches(Direction::Sent).or_else(|_| matches(Direction::Answered)),
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
