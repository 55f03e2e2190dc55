//! Values against the contract's schemas. The keywords that `OpenAPI` 3.0 adds to JSON Schema are translated first:
//! `nullable`, and `readOnly` and `writeOnly` fields, which count as required on one way only.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jsonschema::{Draft, ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::{
    kind::{Direction, Kind},
    tree::strings,
};

/// How a value is not what its schema allows.
pub struct Mismatch {
    /// Where in the value, as a JSON pointer.
    pub at: String,
    /// What is wrong there.
    pub reason: String,
}

/// What becomes of fields that a schema does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownFields {
    /// As the schema says; that is how a client must read answers.
    AsDocumented,
    /// They are a mismatch: the service and its contract change together.
    Refused,
}

/// Whether `value` is what `schema`, with its references followed, allows.
pub fn matches_schema(
    schema: &Value,
    value: &Value,
    direction: Option<Direction>,
    unknown: UnknownFields,
) -> Result<(), Mismatch> {
    let validator = validator(schema, direction, unknown)?;
    validator.validate(value).map_err(|error| {
        let at = error.instance_path().to_string();
        Mismatch {
            reason: format!("{error} at `{at}`"),
            at,
        }
    })
}

/// The validator of a schema; each is made once.
fn validator(
    schema: &Value,
    direction: Option<Direction>,
    unknown: UnknownFields,
) -> Result<Arc<Validator>, Mismatch> {
    static MADE: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());
    let key = format!("{direction:?} {unknown:?} {schema}");
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(validator) = made.get(&key) {
        return Ok(Arc::clone(validator));
    }
    let options = jsonschema::options()
        .with_draft(Draft::Draft4)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true);
    let not_a_schema = |error: ValidationError<'_>| Mismatch {
        at: String::new(),
        reason: error.to_string(),
    };
    let translated = json_schema(schema, Kind::Schema, direction, unknown);
    let validator = Arc::new(options.build(&translated).map_err(not_a_schema)?);
    made.insert(key, Arc::clone(&validator));
    Ok(validator)
}

/// A schema of `OpenAPI` 3.0 as JSON Schema (draft 4, on which 3.0 is built).
fn json_schema(
    node: &Value,
    kind: Kind,
    direction: Option<Direction>,
    unknown: UnknownFields,
) -> Value {
    let translate = |node, kind| json_schema(node, kind, direction, unknown);
    match (node, kind) {
        (Value::Object(map), Kind::Properties) => map
            .iter()
            .map(|(name, schema)| (name.clone(), translate(schema, Kind::Schema)))
            .collect(),
        (Value::Array(parts), Kind::Schemas) => {
            let parts = parts.iter();
            parts.map(|part| translate(part, Kind::Schema)).collect()
        }
        (Value::Object(map), Kind::Schema) => {
            let below = map
                .iter()
                .map(|(key, node)| (key.clone(), translate(node, kind.child(key))));
            let mut schema: Map<_, _> = below.collect();
            drop_other_direction(&mut schema, map, direction);
            if unknown == UnknownFields::Refused && schema.contains_key("properties") {
                schema.entry("additionalProperties").or_insert(json!(false));
            }
            match schema.remove("nullable") {
                Some(Value::Bool(true)) => json!({ "anyOf": [{ "enum": [null] }, schema] }),
                _ => Value::Object(schema),
            }
        }
        (node, _) => node.clone(),
    }
}

/// Makes optional what is sent the other way only; `written` is the schema as the contract has it.
fn drop_other_direction(
    schema: &mut Map<String, Value>,
    written: &Map<String, Value>,
    direction: Option<Direction>,
) {
    let other = match direction {
        Some(Direction::Sent) => "readOnly",
        Some(Direction::Answered) => "writeOnly",
        None => return,
    };
    let Some(required) = written.get("required").filter(|list| list.is_array()) else {
        return;
    };
    let properties = written.get("properties").unwrap_or(&Value::Null);
    let kept = strings(required).filter(|name| properties[*name][other] != true);
    let kept: Vec<_> = kept.map(Value::from).collect();
    // Draft 4 has no empty list of required fields.
    if kept.is_empty() {
        schema.remove("required");
    } else {
        schema.insert("required".to_owned(), kept.into());
    }
}
