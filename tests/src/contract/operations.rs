//! The contract's operations, their answers and its codes.

use serde_json::Value;

use super::{
    document::Document,
    kind::Kind,
    resolve::resolve,
    tree::{child, entries, strings},
};

/// The contract as it is written and as its readers understand it.
pub struct Contract {
    /// As written, with places.
    pub written: Document,
    /// With every local reference followed, and each operation complete.
    pub resolved: Value,
}

/// One method of one path.
pub struct Operation<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its method, in lower case.
    pub method: &'a str,
    /// Its place in the resolved document.
    pub pointer: String,
    /// Its content, references followed.
    pub value: &'a Value,
}

impl Contract {
    /// Follows the references of `written`.
    pub fn new(written: Document) -> Self {
        let resolved = resolve(&written.value);
        Self { written, resolved }
    }

    /// `info.version`.
    pub fn version(&self) -> &str {
        self.resolved["info"]["version"]
            .as_str()
            .unwrap_or_default()
    }

    /// Every operation.
    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, item) in entries(&self.resolved["paths"]) {
            let methods = entries(item)
                .filter(|(key, _)| Kind::Paths.child(path).child(key) == Kind::Operation);
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
    pub fn listed_codes(&self) -> Vec<&str> {
        strings(&self.resolved["components"]["schemas"]["ErrorBody"]["properties"]["code"]["x-extensible-enum"]).collect()
    }
}

impl<'a> Operation<'a> {
    /// The schema of its request's body.
    pub fn request_schema(&self) -> &'a Value {
        let mut bodies = entries(&self.value["requestBody"]["content"]);
        bodies
            .next()
            .map_or(&Value::Null, |(_, body)| &body["schema"])
    }

    /// The names of its request's fields.
    pub fn request_fields(&self) -> Vec<&'a str> {
        let fields = entries(&self.request_schema()["properties"]);
        fields.map(|(field, _)| field).collect()
    }

    /// Each status with its pointer and its content.
    pub fn responses(&self) -> impl Iterator<Item = (&str, String, &Value)> {
        let pointer = child(&self.pointer, "responses");
        entries(&self.value["responses"])
            .map(move |(status, value)| (status, child(&pointer, status), value))
    }
}
