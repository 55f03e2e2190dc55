//! The document as its readers understand it: every reference followed, and what a path or the root gives to its
//! operations written at each of them.

use serde_json::{Map, Value, json};

use super::{
    kind::Kind,
    tree::{child, entries, items},
};

/// The pointer that a `$ref` to the same document holds.
pub fn reference(node: &Value) -> Option<&str> {
    node.get("$ref")?.as_str()?.strip_prefix('#')
}

/// The document with every local reference followed, and with parameters, servers and security of a path or of the
/// root at each operation. A reference that leads nowhere, or to itself, stays.
pub fn resolve(document: &Value) -> Value {
    let mut resolved = follow(document, document, Kind::Document, &mut Vec::new());
    push_down(&mut resolved);
    resolved
}

/// The document with every reference followed but those to schemas, which a generator names its types after.
pub fn resolve_all_but_schemas(document: &Value) -> Value {
    let schemas = entries(&document["components"]["schemas"]);
    let schemas = schemas.map(|(name, _)| child("/components/schemas", name));
    let mut on_the_way = schemas.collect();
    let mut resolved = follow(document, document, Kind::Document, &mut on_the_way);
    push_down(&mut resolved);
    resolved
}

/// Follows the references of `node`, except to what is `on_the_way` to it.
fn follow(document: &Value, node: &Value, kind: Kind, on_the_way: &mut Vec<String>) -> Value {
    if matches!(kind, Kind::Data | Kind::Text | Kind::Value) {
        return node.clone();
    }
    let target = reference(node).filter(|target| !on_the_way.iter().any(|seen| seen == target));
    if let Some(target) = target
        && let Some(found) = document.pointer(target)
    {
        on_the_way.push(target.to_owned());
        let found = follow(document, found, kind, on_the_way);
        on_the_way.pop();
        return found;
    }
    match node {
        Value::Object(map) => map
            .iter()
            .map(|(key, node)| {
                let node = follow(document, node, kind.child(key), on_the_way);
                (key.clone(), node)
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|node| follow(document, node, kind.child(""), on_the_way))
            .collect(),
        other => other.clone(),
    }
}

/// Writes what each path and the root give to operations at each operation that does not say otherwise.
fn push_down(document: &mut Value) {
    let root = json!({ "servers": document["servers"], "security": document["security"] });
    let paths = document["paths"].as_object_mut().into_iter();
    for item in paths.flat_map(Map::values_mut) {
        let path = json!({ "servers": item["servers"], "parameters": item["parameters"] });
        for (key, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut()
                && Kind::PathItem.child(key) == Kind::Operation
            {
                let given = entries(&path).chain(entries(&root));
                given.for_each(|(keyword, given)| give(operation, keyword, given));
            }
        }
    }
}

/// Gives an operation what is around it: parameters are added after its own, all else counts where it has none.
fn give(operation: &mut Map<String, Value>, keyword: &str, given: &Value) {
    let own = operation.get(keyword);
    if given.is_null() || own.is_some() && keyword != "parameters" {
        return;
    }
    let own: Vec<_> = own.into_iter().flat_map(items).cloned().collect();
    let overridden = |one: &Value| {
        own.iter()
            .any(|own| parameter_key(own) == parameter_key(one))
    };
    let inherited = items(given).filter(|one| keyword != "parameters" || !overridden(one));
    let all = own.iter().chain(inherited).cloned().collect();
    operation.insert(keyword.to_owned(), all);
}

/// Where a parameter is, and its name; names of headers have no letter case.
pub fn parameter_key(parameter: &Value) -> String {
    let text = |key: &str| parameter[key].as_str().unwrap_or_default();
    match text("in") {
        "header" => format!("header {}", text("name").to_lowercase()),
        place => format!("{place} {}", text("name")),
    }
}
