//! An `OpenAPI` document read from YAML that still knows where each of its nodes is written.
//!
//! The document is kept as plain JSON: a typed model would drop the keys that it does not know, and those are what
//! the check looks for. Nodes are named by JSON pointers. Object keys are sorted, so that the order in which a person
//! wrote them never shows in anything made from the document.

use std::{collections::BTreeMap, ops::Range, path::Path};

use saphyr::{LoadableYamlNode, MarkedYaml};
use serde_json::Value;

pub use super::yaml::{NotYaml, number_from};
use super::{
    resolve::{parameter_key, reference},
    tree::{child, items, segments},
    yaml::{Place, Reader},
};

/// Where the contract lives, from the workspace's root.
pub const CONTRACT: &str = "openapi/billing-portal.yaml";

/// What an operation has from its path or from the root.
const INHERITED: [&str; 3] = ["parameters", "security", "servers"];

/// What some editors write before the text of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A YAML document, its value and where each node is written.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file, relative to the workspace's root.
    pub file: String,
    /// The content, as JSON.
    pub value: Value,
    /// The text that was read, without a byte order mark.
    text: String,
    places: BTreeMap<String, Place>,
}

impl Document {
    /// Reads `text`; a repeated key is refused, and everything that JSON cannot express.
    pub fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, NotYaml> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let trees = MarkedYaml::load_from_str(text).map_err(|error| NotYaml {
            line: error.marker().line(),
            reason: error.info().to_owned(),
        })?;
        let [root] = trees.as_slice() else {
            let reason = format!("{} documents instead of one", trees.len());
            return Err(NotYaml { line: 1, reason });
        };
        let whole = Place {
            lines: (1, 1),
            characters: 0..0,
        };
        let places = BTreeMap::from([(String::new(), whole)]);
        let mut reader = Reader { places };
        let value = reader.read(root, "")?;
        Ok(Self {
            file: file.as_ref().display().to_string(),
            value,
            text: text.to_owned(),
            places: reader.places,
        })
    }

    /// The node at `pointer`.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    /// The line of the node at `pointer`, or of the nearest node around it that is written.
    pub fn line(&self, pointer: &str) -> usize {
        self.lines(pointer).0
    }

    /// The first line at which the node at `pointer`, or what it refers to, is written otherwise than in `earlier`. The last
    /// line of the node if there is none.
    pub fn first_changed_line(&self, earlier: &Self, pointer: &str) -> usize {
        self.changed_line(earlier, pointer)
            .or_else(|| self.changed_line(earlier, &self.target(pointer)))
            .unwrap_or_else(|| self.lines(pointer).1)
    }

    fn changed_line(&self, earlier: &Self, pointer: &str) -> Option<usize> {
        let (first, last) = self.lines(pointer);
        let (earlier_first, earlier_last) = earlier.lines(pointer);
        let now = self.text.lines().skip(first - 1).take(last + 1 - first);
        let before = earlier.text.lines().skip(earlier_first - 1);
        let before = before.take(earlier_last + 1 - earlier_first);
        let same = now
            .zip(before)
            .take_while(|(now, before)| now.trim() == before.trim());
        Some(first + same.count()).filter(|line| *line <= last)
    }

    /// The document's text with the scalar at `pointer` replaced, and nothing else; none where no scalar is there.
    pub fn with_scalar(&self, pointer: &str, scalar: &str) -> Option<String> {
        self.get(pointer)
            .filter(|node| !node.is_object() && !node.is_array())?;
        let Range { start, end } = self.places.get(pointer)?.characters;
        let text: Vec<char> = self.text.chars().collect();
        let written = text.get(start..end)?;
        let quote = written.first().filter(|char| ['\'', '"'].contains(char));
        // The reader's end of a quoted scalar is the beginning of what follows.
        let length = match quote {
            Some(quote) => 2 + written[1..].iter().position(|char| char == quote)?,
            None => written.iter().rposition(|char| !char.is_whitespace())? + 1,
        };
        let (before, after) = (&text[..start], &text[start + length..]);
        let new = before.iter().copied().chain(scalar.chars());
        Some(new.chain(after.iter().copied()).collect())
    }

    /// Where a node of the resolved document is written: references are followed, and what an operation has from its
    /// path or from the root is found there.
    pub fn origin(&self, pointer: &str) -> String {
        let mut written = String::new();
        let mut around: Vec<(String, String)> = Vec::new();
        for segment in segments(pointer) {
            let own = self.below(&written, &segment);
            let Some(found) = own.or_else(|| self.inherited(&around, &written, &segment)) else {
                break;
            };
            around.push((written, segment));
            written = found;
        }
        written
    }

    /// The node that an operation has from its path or from the root: the list of a keyword, or an item of it.
    fn inherited(
        &self,
        around: &[(String, String)],
        written: &str,
        segment: &str,
    ) -> Option<String> {
        let outer = around.iter().rev().map(|(place, _)| place.as_str());
        if INHERITED.contains(&segment) {
            return outer
                .chain([written])
                .find_map(|place| self.below(place, segment));
        }
        let (_, keyword) = around
            .last()
            .filter(|(_, keyword)| INHERITED.contains(&keyword.as_str()))?;
        let mut outer = outer.filter_map(|place| self.below(place, keyword));
        outer.find_map(|list| match segment.parse() {
            Ok(index) => self.given(written, &list, index),
            Err(_) => self.below(&list, segment),
        })
    }

    /// The item of the outer list `given` that is at `index` of the whole list: there, the operation's own come first, then
    /// those that the operation does not have.
    fn given(&self, own: &str, given: &str, index: usize) -> Option<String> {
        let list = |place: &str| items(self.get(place).unwrap_or(&Value::Null));
        let key = |item: &Value| parameter_key(self.followed(item));
        let own: Vec<String> = list(own).map(key).collect();
        let index = index.checked_sub(own.len())?;
        let mut added = list(given)
            .enumerate()
            .filter(|(_, item)| !own.contains(&key(item)));
        let (place, _) = added.nth(index)?;
        Some(child(given, &place.to_string()))
    }

    /// The node named `segment` below `place`, through references and through the parts of an `allOf`.
    fn below(&self, place: &str, segment: &str) -> Option<String> {
        let place = self.target(place);
        let node = self.get(&place)?;
        if let Some(name) = self.child_named(node, segment) {
            return Some(child(&place, &name));
        }
        let parts = node.get("allOf")?.as_array()?.len();
        let part = |index: usize| format!("{place}/allOf/{index}");
        (0..parts).find_map(|index| self.below(&part(index), segment))
    }

    /// The node that `place` refers to, or `place` itself.
    fn target(&self, place: &str) -> String {
        let mut place = place.to_owned();
        let mut hops = 0;
        while let Some(target) = self.get(&place).and_then(reference) {
            hops += 1;
            // A circle of references ends somewhere on it.
            if hops > self.places.len() || self.get(target).is_none() {
                break;
            }
            place = target.to_owned();
        }
        place
    }

    /// The key below `node` that means `name`: names of headers and media types have several spellings, and items of
    /// lists are named by what they are.
    fn child_named(&self, node: &Value, name: &str) -> Option<String> {
        match node {
            Value::Object(map) if map.contains_key(name) => Some(name.to_owned()),
            Value::Object(map) => {
                let plain = |key: &str| key.split(';').next().map(|key| key.trim().to_lowercase());
                let same = |key: &&String| plain(key).is_some_and(|key| key == name.to_lowercase());
                map.keys().find(same).cloned()
            }
            Value::Array(list) => {
                let index = name.parse().ok().filter(|index| *index < list.len());
                let index =
                    index.or_else(|| items(node).position(|item| self.is_named(item, name)));
                Some(index?.to_string())
            }
            _ => None,
        }
    }

    fn is_named(&self, item: &Value, name: &str) -> bool {
        let item = self.followed(item);
        item["name"] == name || item["url"] == name || parameter_key(item) == name
    }

    /// The item, or what it refers to.
    fn followed<'a>(&'a self, item: &'a Value) -> &'a Value {
        let target = reference(item).and_then(|target| self.get(target));
        target.unwrap_or(item)
    }

    fn lines(&self, pointer: &str) -> (usize, usize) {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return place.lines;
            }
            pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }
}
