//! From YAML to JSON, with the place of each node.

use std::{collections::BTreeMap, ops::Range};

use saphyr::{MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value};

use super::tree::child;

/// Where a node is written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// First and last line, from 1; the first is that of the node's key.
    pub(super) lines: (usize, usize),
    /// The characters of the value, from 0.
    pub(super) characters: Range<usize>,
}

/// Text that is not a YAML document that JSON can express.
#[derive(Debug)]
pub struct NotYaml {
    /// The line at which reading stopped.
    pub line: usize,
    /// What could not be read.
    pub reason: String,
}

/// Turns YAML into JSON and notes the places.
pub(super) struct Reader {
    pub(super) places: BTreeMap<String, Place>,
}

impl Reader {
    pub(super) fn read(&mut self, node: &MarkedYaml<'_>, pointer: &str) -> Result<Value, NotYaml> {
        match &node.data {
            YamlData::Value(Scalar::Null) => Ok(Value::Null),
            YamlData::Value(Scalar::Boolean(boolean)) => Ok(Value::from(*boolean)),
            YamlData::Value(Scalar::Integer(integer)) => Ok(Value::from(*integer)),
            YamlData::Value(Scalar::FloatingPoint(number)) => Ok(number_from(number.0)),
            YamlData::Value(Scalar::String(text)) => Ok(Value::from(text.as_ref())),
            YamlData::Sequence(items) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, item)| self.below(pointer, &index.to_string(), item, item))
                    .collect()
            }
            YamlData::Mapping(entries) => {
                let mut sorted = BTreeMap::new();
                for (key, node) in entries {
                    let name = name(key)?;
                    let value = self.below(pointer, &name, key, node)?;
                    // YAML tells `200` from `'200'`; JSON does not.
                    if sorted.insert(name, value).is_some() {
                        return Err(NotYaml::at(key, "duplicated key in mapping"));
                    }
                }
                Ok(Value::Object(Map::from_iter(sorted)))
            }
            _ => Err(NotYaml::at(node, "a tag, or what YAML itself cannot read")),
        }
    }

    /// Reads the node at `key` below `pointer`, which begins at `first`.
    fn below(
        &mut self,
        pointer: &str,
        key: &str,
        first: &MarkedYaml<'_>,
        node: &MarkedYaml<'_>,
    ) -> Result<Value, NotYaml> {
        let pointer = child(pointer, key);
        let place = Place {
            lines: (first.span.start.line(), node.span.end.line()),
            characters: node.span.start.index()..node.span.end.index(),
        };
        self.places.insert(pointer.clone(), place);
        self.read(node, &pointer)
    }
}

fn name(key: &MarkedYaml<'_>) -> Result<String, NotYaml> {
    match &key.data {
        YamlData::Value(Scalar::String(name)) => Ok(name.to_string()),
        YamlData::Value(Scalar::Integer(number)) => Ok(number.to_string()),
        _ => Err(NotYaml::at(
            key,
            "a key that is neither text nor an integer",
        )),
    }
}

impl NotYaml {
    fn at(node: &MarkedYaml<'_>, reason: &str) -> Self {
        let (line, reason) = (node.span.start.line(), reason.to_owned());
        Self { line, reason }
    }
}

/// A number as JSON writes it shortest: `2048.0` is 2048.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole and small enough to be exact"
)]
pub fn number_from(number: f64) -> Value {
    // Beyond 2^53 a float no longer tells whole numbers apart.
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}
