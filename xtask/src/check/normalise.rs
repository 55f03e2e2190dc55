//! Brings two `OpenAPI` documents to one form, so that what still differs is drift.
//!
//! The form, which is the same for both sides:
//! - every local `$ref` is followed; an `allOf` that only adds prose to a `$ref` is the schema itself;
//! - root `security` and path-level `parameters` are written at each operation; parameters are keyed by place and name;
//! - header names are in lower case, media types too and without the `charset=utf-8` that JSON implies;
//! - lists are sets, equal numbers are equal however written, a keyword that repeats its default is gone;
//! - prose is gone ([`is_prose`]): no server declares it; released versions and generated files hold it instead;
//! - what poem-openapi cannot declare is gone: [`super::handed_over`] says who proves it.
//!
//! Anything else stays, also what this file has never heard of: strict is the default.

use serde_json::{Map, Value, json};

use super::contract::items;
use crate::document::{number_from, reference};

/// Whether a keyword is for people.
pub(crate) fn is_prose(keyword: &str) -> bool {
    let for_schemas = ["description", "summary", "title", "example", "examples"];
    for_schemas.contains(&keyword) || ["externalDocs", "license", "contact"].contains(&keyword)
}

/// Whether a keyword's value maps names that people chose; below it a key is a name, not a keyword.
pub(crate) fn has_names(keyword: &str) -> bool {
    let of_operations = ["paths", "parameters", "responses", "headers", "content"];
    of_operations.contains(&keyword)
        || ["properties", "schemas", "securitySchemes"].contains(&keyword)
}

/// The document with every local reference followed; one that leads nowhere, or to itself, stays.
pub(crate) fn resolve(document: &Value) -> Value {
    follow(document, document, &mut Vec::new())
}

fn follow(document: &Value, node: &Value, on_the_way: &mut Vec<String>) -> Value {
    let target = reference(node).filter(|target| !on_the_way.iter().any(|seen| seen == target));
    if let Some(target) = target
        && let Some(found) = document.pointer(target)
    {
        on_the_way.push(target.to_owned());
        let found = follow(document, found, on_the_way);
        on_the_way.pop();
        return found;
    }
    let mut follow = |node: &Value| follow(document, node, on_the_way);
    match node {
        Value::Object(map) => map
            .iter()
            .map(|(key, node)| (key.clone(), follow(node)))
            .collect(),
        Value::Array(items) => items.iter().map(follow).collect(),
        other => other.clone(),
    }
}

/// The document in the form that this module describes.
pub(crate) fn normalise(document: &Value) -> Value {
    let mut document = resolve(document);
    push_down(&mut document);
    let mut reduced = reduce(&document, None);
    // 3.0.0 and 3.0.3 differ in wording only; poem-openapi always writes the former.
    let openapi = document["openapi"].as_str().unwrap_or_default();
    reduced["openapi"] = json!(openapi.rsplit_once('.').map(|(minor, _)| minor));
    // The title is prose in a schema and a promise here.
    reduced["info"]["title"] = document["info"]["title"].clone();
    reduced["servers"] = sorted(items(&document["servers"]).map(|server| server["url"].clone()));
    reduced["tags"] = sorted(items(&document["tags"]).map(|tag| tag["name"].clone()));
    // What operations use of the components is where they use it.
    let schemes = reduced["components"]["securitySchemes"].take();
    reduced["components"] = json!({ "securitySchemes": schemes });
    reduced
}

/// Writes root security and path-level parameters at each operation.
fn push_down(document: &mut Value) {
    let security = document["security"].take();
    for item in document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
    {
        let shared = item["parameters"].take();
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let Some(operation) = operation.as_object_mut() else {
                continue;
            };
            operation
                .entry("security")
                .or_insert_with(|| security.clone());
            let own = operation.remove("parameters").unwrap_or_default();
            let both = items(&shared).chain(items(&own));
            let keyed = both.map(|one| (parameter_key(one), one.clone())).collect();
            operation.insert("parameters".to_owned(), keyed);
        }
    }
}

fn parameter_key(parameter: &Value) -> String {
    let text = |key: &str| parameter[key].as_str().unwrap_or_default();
    match text("in") {
        "header" => format!("header {}", text("name").to_lowercase()),
        place => format!("{place} {}", text("name")),
    }
}

/// Reduces a node; `names` is the keyword whose names its keys are.
fn reduce(node: &Value, names: Option<&str>) -> Value {
    match node {
        Value::Object(map) if names.is_some() => map
            .iter()
            .map(|(name, node)| (spelling(names, name), reduce(node, None)))
            .collect(),
        Value::Object(map) => {
            let telling = map
                .iter()
                .filter(|(key, node)| !is_prose(key) && !says_nothing(key, node));
            let reduced = telling.map(|(key, node)| match key.as_str() {
                // Values, in which no key is a keyword.
                "default" | "enum" => (
                    key.clone(),
                    node.as_array()
                        .map_or(node.clone(), |list| sorted(list.iter().cloned())),
                ),
                key => (
                    key.to_owned(),
                    reduce(node, Some(key).filter(|key| has_names(key))),
                ),
            });
            without_empty_all_of(reduced.collect())
        }
        Value::Array(items) => sorted(items.iter().map(|item| reduce(item, None))),
        Value::Number(number) => number.as_f64().map_or_else(|| node.clone(), number_from),
        other => other.clone(),
    }
}

/// Whether a keyword with this value means what its absence means, or is handed over.
fn says_nothing(key: &str, value: &Value) -> bool {
    match key {
        // One side cannot declare these: see `handed_over`.
        "additionalProperties" => value.is_boolean(),
        "x-extensible-enum" | "x-errors" => true,
        "deprecated" | "required" | "nullable" | "readOnly" | "writeOnly" | "uniqueItems"
        | "exclusiveMinimum" | "exclusiveMaximum" | "allowEmptyValue" => {
            value == false || value == &json!([])
        }
        "explode" => value == true,
        "minLength" | "minItems" | "minProperties" => value == 0,
        "style" => value == "form" || value == "simple",
        "tags" => value == &json!([]),
        "parameters" | "headers" | "properties" => value == &json!({}),
        _ => value.is_null(),
    }
}

fn spelling(names: Option<&str>, key: &str) -> String {
    match names {
        Some("headers") => key.to_lowercase(),
        Some("content") => media_type(key),
        _ => key.to_owned(),
    }
}

/// A media type in lower case, without blanks and without the charset that JSON implies.
pub(crate) fn media_type(written: &str) -> String {
    let plain = written.to_lowercase().replace(' ', "");
    plain.replace("json;charset=utf-8", "json")
}

fn without_empty_all_of(node: Value) -> Value {
    let Some(parts) = node.get("allOf").and_then(Value::as_array) else {
        return node;
    };
    let mut meant = parts.iter().filter(|part| *part != &json!({}));
    match (meant.next(), meant.next(), node.as_object().map(Map::len)) {
        (Some(only), None, Some(1)) => only.clone(),
        _ => node,
    }
}

/// A list as a set.
fn sorted(items: impl Iterator<Item = Value>) -> Value {
    let mut items: Vec<_> = items.collect();
    items.sort_by_key(Value::to_string);
    items.dedup();
    Value::Array(items)
}
