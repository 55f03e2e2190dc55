//! What a change of the contract means to those who call: breaking, additive, or text only.
//!
//! Each difference is judged where an operation uses it, so that the same constraint may be looser for a request and
//! worse for a response. What no rule knows is breaking.

use std::collections::BTreeMap;

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
    /// What it means.
    pub(crate) level: Level,
    /// The line of the contract.
    pub(crate) line: usize,
    /// Where it is written, what was released (left) and what the contract says (right).
    pub(crate) difference: Difference,
}

/// Everything that `contract` says otherwise than `released`, once for each place in the file.
pub(crate) fn changes(released: &Document, contract: &Document) -> Vec<Change> {
    let followed = differences(&resolve(&released.value), &resolve(&contract.value));
    let followed = followed.into_iter().map(|one| (level(&one), one));
    // Not through references: what no operation uses, and a component that only has another name.
    let written = differences(&released.value, &contract.value);
    let written = written.into_iter().map(|one| (Level::Text, one));
    let mut found: BTreeMap<String, Change> = BTreeMap::new();
    for (level, mut difference) in followed.chain(written) {
        let Difference {
            pointer,
            left,
            right,
        } = &mut difference;
        if pointer == "/info/version" {
            continue;
        }
        *pointer = contract.origin(pointer);
        let line = contract.first_changed_line(released, pointer);
        let once = format!("{pointer} {left:?} {right:?}");
        let change = Change {
            level,
            line,
            difference,
        };
        let known = found.entry(once).or_insert(change);
        known.level = known.level.max(level);
    }
    found.into_values().collect()
}

fn level(difference: &Difference) -> Level {
    let segments = segments(&difference.pointer);
    let segments: Vec<_> = segments.iter().map(String::as_str).collect();
    let keywords = keywords(&segments);
    let for_people = |keyword: &&str| is_prose(keyword) || *keyword == "tags";
    let used = !matches!(segments[..], ["components", "schemas" | "headers", ..]);
    if !used || keywords.iter().any(for_people) {
        return Level::Text;
    }
    let added = difference.left.is_none();
    let additive = match segments[..] {
        ["paths", _] | ["paths", _, _] | [.., "headers" | "properties", _] => added,
        [.., "responses", status] => added && !status.starts_with('2'),
        [.., "x-extensible-enum" | "x-error-codes"] => added,
        [.., "deprecated"] => difference.right == Some(Value::Bool(true)),
        // A request may become looser and a response tighter.
        _ => tighter(&keywords, difference) == Some(keywords.contains(&"responses")),
    };
    if additive {
        Level::Additive
    } else {
        Level::Breaking
    }
}

/// Whether the values that are allowed became fewer; none where that is not the question.
fn tighter(keywords: &[&str], difference: &Difference) -> Option<bool> {
    let Difference { left, right, .. } = difference;
    let (added, removed) = (left.is_none(), right.is_none());
    let number = |side: &Option<Value>| side.as_ref().and_then(Value::as_f64);
    let grew = number(right) > number(left);
    match *keywords.last()? {
        "minLength" | "minimum" | "minItems" | "minProperties" => Some(added || grew),
        "maxLength" | "maximum" | "maxItems" | "maxProperties" => Some(added || !removed && !grew),
        "required" => Some(added || *right == Some(Value::Bool(true))),
        // The whole list, or one of its values.
        "enum"
            if left
                .as_ref()
                .or(right.as_ref())
                .is_some_and(Value::is_array) =>
        {
            Some(added)
        }
        "enum" => Some(removed),
        "nullable" => Some(*right != Some(Value::Bool(true))),
        _ => None,
    }
}

/// The segments that are keywords; the others are names.
fn keywords<'a>(segments: &[&'a str]) -> Vec<&'a str> {
    let mut is_name = false;
    let keywords = segments.iter().filter(|segment| {
        let was_name = is_name;
        is_name = !was_name && has_names(segment);
        !was_name
    });
    keywords.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document::CONTRACT, workspace};

    #[test]
    fn a_change_is_judged_by_what_it_means_to_callers() {
        #[rustfmt::skip]
        let cases = [
            ("maxLength: 2048", "maxLength: 4096", Level::Additive, "a request may be longer"),
            ("maxLength: 2048", "maxLength: 1024", Level::Breaking, "what was sent is refused"),
            ("          minLength: 1\n", "", Level::Additive, "a bound of a request is gone"),
            ("format: url", "format: uri", Level::Breaking, "a format of a request is another"),
            ("required: [return_url]", "required: []", Level::Additive, "a field need not be sent"),
            ("required: [portal_url, expires_at]", "required: [portal_url]", Level::Breaking, "a field may be missing"),
            ("enum: [true]", "enum: [true, false]", Level::Breaking, "an answer may be new"),
            ("minimum: 1\n", "minimum: 2\n", Level::Additive, "an answer says more"),
            ("            - NOT_FOUND\n", "", Level::Breaking, "a code is gone"),
            ("            - NOT_FOUND\n", "            - NOT_FOUND\n            - NEW\n", Level::Additive, "codes are an open list"),
            ("'408':", "'410':", Level::Breaking, "a status is gone"),
            ("['billing:write']", "['billing:read']", Level::Breaking, "other keys may call"),
            ("operationId: create", "operationId: open", Level::Breaking, "the SDK's method has another name"),
            ("      operationId:", "      deprecated: true\n      operationId:", Level::Additive, "it still works"),
            ("Always true.", "True.", Level::Text, "words"),
            ("message: authentication failed", "message: no", Level::Text, "an example"),
        ];
        let text = workspace::read(&workspace::root(), CONTRACT).expect("there is a contract");
        let parse = |text: &str| Document::parse(CONTRACT, text).expect("it is YAML");
        let released = parse(&text);
        let mut agreed = 0;
        for (from, to, expected, why) in cases {
            assert!(text.contains(from), "{from} is not in the contract");
            let edited = parse(&text.replacen(from, to, 1));
            let changes = changes(&released, &edited);
            let level = changes.iter().map(|change| change.level).max();
            assert_eq!(level, Some(expected), "{from} -> {to}: {why}");
            if drift_sees_more_than_words(&released, &edited) {
                assert!(
                    level > Some(Level::Text),
                    "drift sees more in {from} -> {to}"
                );
                agreed += 1;
            }
        }
        assert!(
            agreed >= 8,
            "drift sees more than words in only {agreed} cases"
        );
    }

    /// A second opinion. It knows the structure of schemas well, and nothing of scopes, codes and headers; most of what
    /// it sees it leaves unjudged.
    fn drift_sees_more_than_words(released: &Document, edited: &Document) -> bool {
        let changes = drift::compare(&released.value, &edited.value).expect("drift can tell");
        let mut changes = changes.iter().flat_map(|change| &change.changes);
        changes.any(|change| change.class != drift::ChangeClass::Trivial)
    }
}
