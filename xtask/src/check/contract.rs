//! The contract as the check reads it: its operations, their answers, its codes.

use serde_json::Value;

use super::normalise::resolve;
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
