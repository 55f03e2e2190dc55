//! JSON that can be read in one way only.
//!
//! If a name is repeated, a gateway may read the first value and a service the last. So such a document is refused.

use std::{collections::BTreeMap, fmt};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The names of unknown fields that an answer repeats, in bytes: it stays smaller than the body that caused it.
const MAX_UNKNOWN_BYTES: usize = 8 * 1024;

/// A JSON object (RFC 8259) whose names, at every depth, are unique (RFC 7493).
pub(crate) struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// Reads UTF-8 text that is one object and nothing else.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        match serde_json::from_slice(bytes) {
            Ok(UniqueNames(Value::Object(object))) => Some(Self(object)),
            _ => None,
        }
    }

    /// The object as a value.
    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// Takes a field out of the object.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// The fields that were not taken, each with what is wrong with it. At most [`MAX_UNKNOWN_BYTES`] of names, as the
    /// answer writes them.
    pub(crate) fn unknown_fields(self) -> BTreeMap<String, String> {
        let mut bytes = 0;
        let names = self.0.into_iter().map(|(name, _)| name);
        names
            .take_while(|name| {
                // As JSON, where a control character takes six bytes.
                bytes += Value::from(name.as_str()).to_string().len();
                bytes <= MAX_UNKNOWN_BYTES
            })
            .map(|name| (name, "unknown field".to_owned()))
            .collect()
    }
}

/// A value in which no object repeats a name. (Depth is bounded by `serde_json`, at 128.)
struct UniqueNames(Value);

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueNamesVisitor).map(Self)
    }
}

struct UniqueNamesVisitor;

impl<'de> Visitor<'de> for UniqueNamesVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(UniqueNames(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, UniqueNames(value))) = entries.next_entry::<String, _>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name is repeated"));
            }
        }
        Ok(object.into())
    }
}
