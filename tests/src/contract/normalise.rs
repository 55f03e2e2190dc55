//! Brings an `OpenAPI` document to one form, so that what still differs from another document in that form is a
//! difference for those who use the API, or for those who read the texts.
//!
//! - references are followed, and each operation is complete ([`resolve`]);
//! - an `allOf` whose parts do not contradict one another is one schema;
//! - parameters are named by place and name, tags by name, servers by URL;
//! - names of headers and media types are in lower case, the latter without the `charset=utf-8` that JSON implies;
//! - lists of values are sets, equal numbers are equal however written, a keyword that repeats its default is gone.
//!
//! Anything else stays, also what this file has never heard of: strict is the default.

use super::{
    kind::Kind,
    resolve::{parameter_key, resolve},
    tree::{items, media_type},
    yaml::number_from,
};
use serde_json::{Map, Value, json};

/// The document in the form that this module describes, without the components: they are where they are used.
pub fn normalise(document: &Value) -> Value {
    let mut document = resolve(document);
    let schemes = document["components"]["securitySchemes"].take();
    document["components"] = json!({ "securitySchemes": schemes });
    if let Some(root) = document.as_object_mut() {
        // Each operation has them.
        root.remove("security");
        root.remove("servers");
    }
    let paths = document["paths"].as_object_mut().into_iter();
    for item in paths.flat_map(Map::values_mut) {
        let item = item.as_object_mut().into_iter().flatten();
        for (_, operation) in item.filter(|(key, _)| Kind::PathItem.child(key) == Kind::Operation) {
            let Some(operation) = operation.as_object_mut() else {
                continue;
            };
            let security = operation.entry("security").or_insert(json!([]));
            if *security == json!([]) || security.is_null() {
                *security = json!([{}]);
            }
        }
    }
    reduce(&document, Kind::Document)
}

/// Components alone in the same form, with the references as they are written.
pub fn normalise_components(document: &Value) -> Value {
    reduce(document, Kind::Document)
}

/// Reduces a node of a kind.
fn reduce(node: &Value, kind: Kind) -> Value {
    match (node, kind) {
        (Value::Number(number), _) => number.as_f64().map_or_else(|| node.clone(), number_from),
        (_, Kind::Data | Kind::Text | Kind::Opaque) => node.clone(),
        (Value::Array(list), Kind::Parameters | Kind::Tags | Kind::Servers) => named(list, kind),
        (Value::Array(list), Kind::Schemas) => {
            list.iter().map(|item| reduce(item, Kind::Schema)).collect()
        }
        (Value::Array(list), _) => sorted(list.iter().map(|item| reduce(item, kind.child("")))),
        (Value::Object(map), _) => {
            let below = map.iter().map(|(key, node)| {
                let reduced = reduce(node, kind.child(key));
                (spelling(kind, key), reduced)
            });
            let mut reduced: Map<_, _> = below.collect();
            if !kind.has_names() {
                drop_defaults(&mut reduced, kind);
            }
            if kind == Kind::Schema {
                merged(reduced)
            } else {
                Value::Object(reduced)
            }
        }
        (other, _) => other.clone(),
    }
}

/// A list whose order means nothing, by the names of its items.
fn named(list: &[Value], kind: Kind) -> Value {
    let name = |item: &Value| match kind {
        Kind::Parameters => parameter_key(item),
        Kind::Tags => item["name"].as_str().unwrap_or_default().to_owned(),
        _ => item["url"].as_str().unwrap_or_default().to_owned(),
    };
    let by_name = list.iter().map(|item| {
        let mut reduced = reduce(item, kind.child(""));
        if let Some(map) = reduced.as_object_mut() {
            map.retain(|key, _| !["name", "in", "url"].contains(&key.as_str()));
        }
        (name(item), reduced)
    });
    Value::Object(by_name.collect())
}

fn spelling(kind: Kind, key: &str) -> String {
    match kind {
        Kind::Headers => key.to_lowercase(),
        Kind::Content => media_type(key),
        _ => key.to_owned(),
    }
}

/// Removes keywords whose value means what their absence means.
fn drop_defaults(map: &mut Map<String, Value>, kind: Kind) {
    let place = map.get("in").and_then(Value::as_str).unwrap_or("header");
    let style = if ["query", "cookie"].contains(&place) {
        "form"
    } else {
        "simple"
    };
    let own_style = map.get("style").map_or(json!(style), Value::clone);
    let schema = map.get("schema").unwrap_or(&Value::Null);
    let is_scalar =
        !schema["type"].is_null() && schema["type"] != "array" && schema["type"] != "object";
    let is_default = |key: &str, value: &Value| match key {
        "additionalProperties" => *value == true || *value == json!({}),
        "deprecated" | "required" | "nullable" | "readOnly" | "writeOnly" | "uniqueItems"
        | "exclusiveMinimum" | "exclusiveMaximum" | "allowEmptyValue" | "allowReserved" => {
            *value == false || *value == json!([])
        }
        "minLength" | "minItems" | "minProperties" => *value == 0,
        "style" => *value == style,
        // It makes a difference for lists and objects only.
        "explode" => *value == (own_style == "form") || is_scalar,
        "tags" | "allOf" | "x-error-codes" | "x-extensible-enum" | "x-required-scopes" => {
            *value == json!([])
        }
        "parameters" | "headers" | "properties" | "content" | "links" | "examples"
        | "callbacks" | "variables" | "encoding" => *value == json!({}),
        _ => value.is_null(),
    };
    let inherited = |key: &str| kind == Kind::PathItem && ["parameters", "servers"].contains(&key);
    map.retain(|key, value| !is_default(key, value) && !inherited(key));
}

/// A schema with its `allOf` in it, where no part contradicts another.
fn merged(mut schema: Map<String, Value>) -> Value {
    let Some(parts) = schema.remove("allOf") else {
        return Value::Object(schema);
    };
    let mut all = schema.clone();
    let mut is_one = true;
    for part in items(&parts) {
        is_one &= part.as_object().is_some_and(|part| merge(&mut all, part));
    }
    // Fields that one part does not name are refused by another that is closed.
    let parts_with = |key: &str| items(&parts).filter(|part| part.get(key).is_some()).count();
    let own = |key: &str| usize::from(schema.contains_key(key));
    let closed = parts_with("additionalProperties") + own("additionalProperties") > 0;
    if is_one && !(closed && parts_with("properties") + own("properties") > 1) {
        return Value::Object(all);
    }
    schema.insert("allOf".to_owned(), parts);
    Value::Object(schema)
}

/// Adds the keywords of `part` to `all`; false where the two contradict each other. The outer text counts.
fn merge(all: &mut Map<String, Value>, part: &Map<String, Value>) -> bool {
    part.iter().all(|(key, value)| match all.get_mut(key) {
        None => all.insert(key.clone(), value.clone()).is_none(),
        Some(own) if own == value => true,
        Some(_) if matches!(Kind::Schema.child(key), Kind::Text | Kind::Data) => key != "default",
        Some(Value::Array(own)) if key == "required" => {
            *own = items(&sorted(own.iter().chain(items(value)).cloned()))
                .cloned()
                .collect();
            true
        }
        Some(Value::Object(own)) if key == "properties" => {
            let mut fields = value.as_object().into_iter().flatten();
            fields.all(|(name, field)| own.entry(name).or_insert_with(|| field.clone()) == field)
        }
        Some(_) => false,
    })
}

/// A list as a set.
fn sorted(items: impl Iterator<Item = Value>) -> Value {
    let mut items: Vec<_> = items.collect();
    items.sort_by_key(Value::to_string);
    items.dedup();
    Value::Array(items)
}
