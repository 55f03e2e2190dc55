//! Brings two `OpenAPI` documents to one form, so that what still differs is drift.
//!
//! The form, which is the same for both sides:
//! - every local `$ref` is followed; an `allOf` that only adds prose to a `$ref` is the schema itself;
//! - root `security` and path-level `parameters` are written at each operation; parameters are keyed by place and name;
//! - header names are in lower case, media types too and without the `charset=utf-8` that JSON implies;
//! - lists are sets, equal numbers are equal however written, a keyword that repeats its default is gone;
//! - prose is gone ([`PROSE`]): no server declares it; released versions and generated files hold it instead;
//! - what poem-openapi cannot declare is gone: [`super::handed_over`] says who proves it.
//!
//! Anything else stays, also what this file has never heard of: strict is the default.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::document::{number_from, reference};

/// Keywords for people.
pub(crate) const PROSE: [&str; 8] = [
    "description",
    "summary",
    "title",
    "example",
    "examples",
    "externalDocs",
    "license",
    "contact",
];

/// Keywords whose value maps names that people chose; below them a key is a name, not a keyword.
pub(crate) const NAMED: [&str; 8] = [
    "properties",
    "responses",
    "headers",
    "content",
    "paths",
    "securitySchemes",
    "parameters",
    "schemas",
];

/// Values, in which no key is a keyword.
const LITERAL: [&str; 2] = ["default", "enum"];

/// The document with every local reference followed; one that leads nowhere, or to itself, stays.
pub(crate) fn resolve(document: &Value) -> Value {
    follow(document, document, &mut Vec::new())
}

fn follow(document: &Value, node: &Value, on_the_way: &mut Vec<String>) -> Value {
    match node {
        Value::Object(map) => {
            let target =
                reference(node).filter(|target| !on_the_way.iter().any(|seen| seen == target));
            if let Some((target, found)) =
                target.and_then(|target| Some((target, document.pointer(target)?)))
            {
                on_the_way.push(target.to_owned());
                let found = follow(document, found, on_the_way);
                on_the_way.pop();
                return found;
            }
            map.iter()
                .map(|(key, value)| (key.clone(), follow(document, value, on_the_way)))
                .collect()
        }
        Value::Array(items) => items
            .iter()
            .map(|item| follow(document, item, on_the_way))
            .collect(),
        other => other.clone(),
    }
}

/// The document in the form that this module describes.
pub(crate) fn normalise(document: &Value) -> Value {
    let mut document = resolve(document);
    let info = &document["info"];
    let urls = document["servers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|server| server["url"].clone());
    let tags = document["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tag| tag["name"].clone());
    let top = json!({
        // 3.0.0 and 3.0.3 differ in wording only; poem-openapi always writes the former.
        "openapi": document["openapi"].as_str().map(|version| version.rsplit_once('.').map_or(version, |(minor, _)| minor)),
        "info": { "title": info["title"], "version": info["version"] },
        "servers": urls.collect::<Value>(),
        "tags": tags.collect::<Value>(),
        "components": { "securitySchemes": document["components"]["securitySchemes"] },
    });
    push_down(&mut document);
    let Value::Object(mut whole) = document else {
        return top;
    };
    for part in ["security", "x-errors"] {
        whole.remove(part);
    }
    whole.extend(
        top.as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    // The title is prose in a schema and a promise in `info`.
    let title = whole["info"]["title"].clone();
    let mut reduced = reduce(&Value::Object(whole), None);
    reduced["info"]["title"] = title;
    reduced
}

/// Writes root security and path-level parameters at each operation.
fn push_down(document: &mut Value) {
    let security = document.get("security").cloned();
    for item in document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.values_mut())
    {
        let shared = item
            .as_object_mut()
            .and_then(|item| item.remove("parameters"));
        for operation in item
            .as_object_mut()
            .into_iter()
            .flat_map(|item| item.values_mut())
        {
            let Some(operation) = operation.as_object_mut() else {
                continue;
            };
            if let Some(security) = &security {
                operation
                    .entry("security")
                    .or_insert_with(|| security.clone());
            }
            let own = operation.remove("parameters");
            let both = [shared.as_ref(), own.as_ref()]
                .into_iter()
                .flatten()
                .filter_map(Value::as_array)
                .flatten();
            let keyed: Map<_, _> = both.map(|one| (parameter_key(one), one.clone())).collect();
            if !keyed.is_empty() {
                operation.insert("parameters".to_owned(), Value::Object(keyed));
            }
        }
    }
}

fn parameter_key(parameter: &Value) -> String {
    let text = |key: &str| parameter[key].as_str().unwrap_or_default();
    format!(
        "{} {}",
        text("in"),
        if text("in") == "header" {
            text("name").to_lowercase()
        } else {
            text("name").into()
        }
    )
}

/// Reduces a node; `names` is the keyword whose names its keys are.
fn reduce(node: &Value, names: Option<&str>) -> Value {
    match node {
        Value::Object(map) => {
            let mut reduced = BTreeMap::new();
            for (key, value) in map {
                if names.is_none() && (PROSE.contains(&key.as_str()) || says_nothing(key, value)) {
                    continue;
                }
                let below =
                    (names.is_none() && NAMED.contains(&key.as_str())).then_some(key.as_str());
                let literal = names.is_none() && LITERAL.contains(&key.as_str());
                reduced.insert(
                    spelling(names, key),
                    if literal {
                        sorted(value.clone())
                    } else {
                        reduce(value, below)
                    },
                );
            }
            without_empty_all_of(Value::Object(Map::from_iter(reduced)))
        }
        Value::Array(items) => sorted(items.iter().map(|item| reduce(item, None)).collect()),
        Value::Number(number) => number.as_f64().map_or_else(|| node.clone(), number_from),
        other => other.clone(),
    }
}

/// Whether a keyword with this value means what its absence means, or is handed over.
fn says_nothing(key: &str, value: &Value) -> bool {
    match key {
        // One side cannot declare these: see `handed_over`.
        "additionalProperties" => value.is_boolean(),
        "x-extensible-enum" => true,
        "deprecated" | "required" | "nullable" | "readOnly" | "writeOnly" | "uniqueItems"
        | "exclusiveMinimum" | "exclusiveMaximum" | "allowEmptyValue" => {
            value == false || value == &json!([])
        }
        "explode" => value == true,
        "minLength" | "minItems" | "minProperties" => value == 0,
        "style" => value == "form" || value == "simple",
        "tags" | "parameters" => value == &json!([]),
        "components" | "headers" | "properties" => value == &json!({}),
        _ => false,
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
    plain
        .strip_suffix(";charset=utf-8")
        .filter(|base| base.ends_with("json"))
        .map_or(plain.clone(), str::to_owned)
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

fn sorted(list: Value) -> Value {
    match list {
        Value::Array(mut items) => {
            items.sort_by_key(Value::to_string);
            items.dedup();
            Value::Array(items)
        }
        other => other,
    }
}
