//! An `OpenAPI` document read from YAML that still knows the lines of each of its nodes.
//!
//! The document is kept as plain JSON: a typed model would drop the keys that it does not know, and those are what
//! the check looks for. Nodes are named by JSON pointers. Object keys are sorted, so that the order in which a person
//! wrote them never shows in anything made from the document.

use std::{collections::BTreeMap, path::Path};

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Where the contract lives, from the workspace's root.
pub(crate) const CONTRACT: &str = "openapi/billing-portal.yaml";

/// A YAML document, its value and its lines.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The file, relative to the workspace's root.
    pub(crate) file: String,
    /// What it says, as JSON.
    pub(crate) value: Value,
    text: String,
    /// First and last line of each node, by JSON pointer; lines count from 1.
    lines: BTreeMap<String, (usize, usize)>,
}

/// Text that is not a YAML document that JSON can express.
#[derive(Debug)]
pub(crate) struct NotYaml {
    /// The line at which reading stopped.
    pub(crate) line: usize,
    /// Why.
    pub(crate) reason: String,
}

impl Document {
    /// Reads `text`; a repeated key is refused, as everything is that JSON has no word for.
    pub(crate) fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, NotYaml> {
        let trees = MarkedYaml::load_from_str(text).map_err(|error| NotYaml {
            line: error.marker().line(),
            reason: error.info().to_owned(),
        })?;
        let [root] = trees.as_slice() else {
            return Err(NotYaml {
                line: 1,
                reason: format!("{} documents instead of one", trees.len()),
            });
        };
        let mut lines = BTreeMap::from([(String::new(), (1, 1))]);
        let value = to_json(root, "", &mut lines)?;
        let file = file.as_ref().display().to_string();
        Ok(Self {
            file,
            value,
            text: text.to_owned(),
            lines,
        })
    }

    /// The node at `pointer`.
    pub(crate) fn get(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    /// The line of the node at `pointer`, or of the nearest node around it that is written.
    pub(crate) fn line(&self, pointer: &str) -> usize {
        self.span(pointer).0
    }

    /// The first line at which the node at `pointer` is written otherwise than in `earlier`.
    pub(crate) fn first_changed_line(&self, earlier: &Self, pointer: &str) -> usize {
        let (first, last) = self.span(pointer);
        let (earlier_first, earlier_last) = earlier.span(pointer);
        let mut before = earlier
            .text
            .lines()
            .skip(earlier_first - 1)
            .take(earlier_last + 1 - earlier_first);
        let now = self.text.lines().skip(first - 1).take(last + 1 - first);
        let same = now
            .take_while(|line| {
                before
                    .next()
                    .is_some_and(|before| before.trim() == line.trim())
            })
            .count();
        (first + same).min(last)
    }

    /// Where a node of the document with all references followed is written: each reference on the way is a hop.
    pub(crate) fn origin(&self, pointer: &str) -> String {
        let mut written = String::new();
        for segment in segments(pointer) {
            while segment != "$ref"
                && let Some(target) = self.get(&written).and_then(reference)
            {
                written = target.to_owned();
            }
            match self
                .get(&written)
                .and_then(|node| child_named(node, &segment))
            {
                Some(name) => written = child(&written, &name),
                None if segment == "security" => "/security".clone_into(&mut written),
                None => break,
            }
        }
        written
    }

    /// The hash of what the document says, whatever its layout, order and comments.
    pub(crate) fn sha256(&self) -> String {
        sha256(&self.value.to_string())
    }

    fn span(&self, pointer: &str) -> (usize, usize) {
        let mut pointer = pointer;
        loop {
            if let Some(&span) = self.lines.get(pointer) {
                return span;
            }
            pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }
}

/// The SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// The pointer to `key` below `pointer`.
pub(crate) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The keys that a pointer is made of.
pub(crate) fn segments(pointer: &str) -> Vec<String> {
    pointer
        .split('/')
        .skip(1)
        .map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// The pointer that a `$ref` to the same document holds.
pub(crate) fn reference(node: &Value) -> Option<&str> {
    node.get("$ref")?.as_str()?.strip_prefix('#')
}

/// The key below `node` that means `name`: header names and media types have several spellings, parameters are a list.
fn child_named(node: &Value, name: &str) -> Option<String> {
    match node {
        Value::Object(map) if map.contains_key(name) => Some(name.to_owned()),
        Value::Object(map) => {
            let same = |key: &&String| {
                key.split(';')
                    .next()
                    .is_some_and(|key| key.trim().eq_ignore_ascii_case(name))
            };
            map.keys().find(same).cloned()
        }
        Value::Array(items) => {
            let parameter = |item: &Value| name.ends_with(item["name"].as_str().unwrap_or("/"));
            let index = name.parse().ok().filter(|index| *index < items.len());
            index
                .or_else(|| items.iter().position(parameter))
                .map(|index| index.to_string())
        }
        _ => None,
    }
}

fn to_json(
    node: &MarkedYaml<'_>,
    pointer: &str,
    lines: &mut BTreeMap<String, (usize, usize)>,
) -> Result<Value, NotYaml> {
    let refuse = |reason: &str| {
        Err(NotYaml {
            line: node.span.start.line(),
            reason: reason.to_owned(),
        })
    };
    match &node.data {
        YamlData::Value(scalar) => match scalar {
            Scalar::Null => Ok(Value::Null),
            Scalar::Boolean(boolean) => Ok(Value::Bool(*boolean)),
            Scalar::Integer(integer) => Ok(Value::from(*integer)),
            Scalar::FloatingPoint(number) => Ok(number_from(number.into_inner())),
            Scalar::String(text) => Ok(Value::from(text.as_ref())),
        },
        YamlData::Sequence(items) => {
            let mut values = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let pointer = child(pointer, &index.to_string());
                lines.insert(
                    pointer.clone(),
                    (item.span.start.line(), item.span.end.line()),
                );
                values.push(to_json(item, &pointer, lines)?);
            }
            Ok(Value::Array(values))
        }
        YamlData::Mapping(entries) => {
            let mut sorted = BTreeMap::new();
            for (key, value) in entries {
                let name = match &key.data {
                    YamlData::Value(Scalar::String(name)) => name.to_string(),
                    YamlData::Value(Scalar::Integer(number)) => number.to_string(),
                    _ => return refuse("a key that is neither text nor an integer"),
                };
                let pointer = child(pointer, &name);
                lines.insert(
                    pointer.clone(),
                    (key.span.start.line(), value.span.end.line()),
                );
                if sorted
                    .insert(name, to_json(value, &pointer, lines)?)
                    .is_some()
                {
                    return Err(NotYaml {
                        line: key.span.start.line(),
                        reason: "duplicated key in mapping".to_owned(),
                    });
                }
            }
            Ok(Value::Object(Map::from_iter(sorted)))
        }
        _ => refuse("a tag, an endless alias or a value that YAML cannot read"),
    }
}

/// A number as JSON writes it shortest: `2048.0` is 2048.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole and small enough to be exact"
)]
pub(crate) fn number_from(number: f64) -> Value {
    // Beyond 2^53 a float no longer tells whole numbers apart.
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}
