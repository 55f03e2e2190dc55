//! What a change of the contract means to those who call: breaking, additive, or text only.
//!
//! Each difference is judged where an operation uses it, so that the same constraint may be looser for a request and
//! worse for a response. What no rule knows is breaking.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::Value;

use super::{
    difference::{Difference, differences},
    normalise::{has_names, is_prose, resolve},
};
use crate::document::{Document, segments};

/// How much a change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Only what people read.
    Text,
    /// What worked still works.
    Additive,
    /// What worked may fail.
    Breaking,
}

impl Level {
    /// In words.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "text only",
            Self::Additive => "additive",
            Self::Breaking => "breaking",
        }
    }
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Where it is written.
    pub(crate) pointer: String,
    /// The line of the contract.
    pub(crate) line: usize,
    /// What it means.
    pub(crate) level: Level,
    /// What was released.
    pub(crate) before: Option<Value>,
    /// What the contract says.
    pub(crate) after: Option<Value>,
}

/// Everything that `contract` says otherwise than `released`, once for each place in the file.
pub(crate) fn changes(released: &Document, contract: &Document) -> Vec<Change> {
    let mut found: BTreeMap<String, Change> = BTreeMap::new();
    let followed = differences(&resolve(&released.value), &resolve(&contract.value));
    // Not through references: what no operation uses, and a component that only has another name.
    let written = differences(&released.value, &contract.value);
    let judged = followed
        .into_iter()
        .map(|one| (level(&one), one))
        .chain(written.into_iter().map(|one| (Level::Text, one)));
    for (
        level,
        Difference {
            pointer,
            left,
            right,
        },
    ) in judged.filter(|(_, one)| one.pointer != "/info/version")
    {
        let origin = contract.origin(&pointer);
        let key = format!("{origin} {left:?} {right:?}");
        let line = contract.first_changed_line(released, &origin);
        let change = Change {
            pointer: origin,
            line,
            level,
            before: left,
            after: right,
        };
        let known = found.entry(key).or_insert(change);
        known.level = known.level.max(level);
    }
    found.into_values().collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Request,
    Response,
}

fn level(difference: &Difference) -> Level {
    let segments = segments(&difference.pointer);
    let segments: Vec<_> = segments.iter().map(String::as_str).collect();
    let keywords = keywords(&segments);
    let shared = segments[0] == "components" && segments.get(1) != Some(&"securitySchemes");
    if shared
        || keywords
            .iter()
            .any(|keyword| is_prose(keyword) || *keyword == "tags")
    {
        return Level::Text;
    }
    let (added, removed) = (difference.left.is_none(), difference.right.is_none());
    let direction = if keywords.contains(&"responses") {
        Direction::Response
    } else {
        Direction::Request
    };
    let additive_if = |holds: bool| {
        if holds {
            Level::Additive
        } else {
            Level::Breaking
        }
    };
    match segments.as_slice() {
        ["paths", _] | ["paths", _, _] | [.., "headers" | "properties", _] => additive_if(added),
        [.., "responses", status] => additive_if(added && !status.starts_with('2')),
        [.., "x-extensible-enum" | "x-error-codes"] => additive_if(added),
        [.., "deprecated"] => additive_if(difference.right == Some(Value::Bool(true))),
        _ => match tighter(&keywords, difference, added, removed) {
            // A request may become looser and a response tighter.
            Some(tighter) => additive_if(tighter == (direction == Direction::Response)),
            None => Level::Breaking,
        },
    }
}

/// Whether the values that are allowed became fewer; none where that is not the question.
fn tighter(keywords: &[&str], difference: &Difference, added: bool, removed: bool) -> Option<bool> {
    let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_f64);
    let grew = match (number(&difference.left), number(&difference.right)) {
        (Some(before), Some(after)) => after.partial_cmp(&before) == Some(Ordering::Greater),
        _ => false,
    };
    match *keywords.last()? {
        "minLength" | "minimum" | "minItems" | "minProperties" => Some(added || (!removed && grew)),
        "maxLength" | "maximum" | "maxItems" | "maxProperties" => {
            Some(added || (!removed && !grew))
        }
        "required" if added || removed => Some(added),
        "required" => Some(difference.right == Some(Value::Bool(true))),
        "enum" => Some(
            removed
                != difference
                    .right
                    .as_ref()
                    .or(difference.left.as_ref())
                    .is_some_and(Value::is_array),
        ),
        "nullable" => Some(difference.right != Some(Value::Bool(true))),
        _ => None,
    }
}

/// The segments that are keywords; the others are names.
fn keywords<'a>(segments: &[&'a str]) -> Vec<&'a str> {
    let mut keywords = Vec::new();
    let mut name = false;
    for segment in segments {
        if !name {
            keywords.push(*segment);
        }
        name = !name && has_names(segment);
    }
    keywords
}
