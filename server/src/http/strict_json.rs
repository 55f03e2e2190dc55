//! JSON that can be read in one way only.
//!
//! A document in which a name is repeated means one thing to a gateway that takes the first and another to a service
//! that takes the last, so it is no document here.

use std::{collections::BTreeMap, fmt};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

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

    /// Takes a field out; what is left at the end is unknown.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Names every field that was not taken, up to a bound that keeps the answer small.
    pub(crate) fn refuse_the_rest(self, details: &mut BTreeMap<String, String>) {
        const MAX_NAME_BYTES: usize = 8 * 1024;
        let mut bytes = 0;
        for name in self.0.into_iter().map(|(name, _)| name) {
            // As it will be written, where a control character takes six bytes.
            bytes += Value::from(name.as_str()).to_string().len();
            if bytes > MAX_NAME_BYTES {
                break;
            }
            details.insert(name, "unknown field".to_owned());
        }
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
