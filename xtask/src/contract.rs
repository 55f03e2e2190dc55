//! The contract as read from disk: its text, and the document that the text spells.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

/// Where the contract lives.
pub(crate) const PATH: &str = "openapi/billing-portal.yaml";

/// Parses the contract's text; a key given twice is an error.
pub(crate) fn parse(text: &str) -> Result<Yaml<'_>, String> {
    match Yaml::load_from_str(text) {
        Ok(documents) => documents
            .into_iter()
            .next()
            .ok_or_else(|| format!("{PATH} is empty")),
        Err(error) => Err(format!("{PATH}: {error}")),
    }
}

/// The same document as JSON.
pub(crate) fn to_json(node: &Yaml<'_>) -> Result<Value, String> {
    Ok(match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(flag)) => Value::Bool(*flag),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::String(text.to_string()),
        Yaml::Sequence(nodes) => Value::Array(nodes.iter().map(to_json).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, node)| Ok((key_text(key)?, to_json(node)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => return Err(format!("{PATH}: no place in a JSON document: {other:?}")),
    })
}

/// The text of a mapping's key.
pub(crate) fn key_text(key: &Yaml<'_>) -> Result<String, String> {
    key.as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("{PATH}: a key is not a string: {key:?}"))
}
