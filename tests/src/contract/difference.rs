//! The structural difference of two documents in their normal form: every node that one side has and the other has
//! not, or has otherwise, with what the node is.

use super::{
    kind::{Direction, Kind},
    tree::child,
};
use serde_json::Value;

/// One node in which two documents differ.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Where, as a JSON pointer into the normal form. For an item of a set it is the set itself.
    pub pointer: String,
    /// The first document's value.
    pub left: Option<Value>,
    /// The second document's value.
    pub right: Option<Value>,
    /// What the node is.
    pub place: Place,
}

/// What a node is.
#[derive(Clone, Debug)]
pub struct Place {
    /// The kind of the node around it.
    pub holder: Kind,
    /// Its key there; `required[]` for an item of the list `required`.
    pub keyword: String,
    /// Who sends it.
    pub direction: Option<Direction>,
    /// The outermost of the nodes around it that the server comparison reports as a whole.
    pub within: Option<Whole>,
}

/// What is reported as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// A response header.
    Header,
    /// A parameter.
    Parameter,
    /// A security scheme.
    SecurityScheme,
    /// The values of a map.
    Map,
}

/// All differences, in the order of the document.
pub fn differences(left: &Value, right: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let root = At {
        kind: Kind::Document,
        pointer: String::new(),
        place: Place {
            holder: Kind::Document,
            keyword: String::new(),
            direction: None,
            within: None,
        },
    };
    root.compare(Some(left), Some(right), &mut found);
    found
}

/// A node on the way.
struct At {
    kind: Kind,
    pointer: String,
    place: Place,
}

impl At {
    fn below(&self, key: &str) -> Self {
        let kind = self.kind.child(key);
        let whole = match kind {
            Kind::Header => Some(Whole::Header),
            Kind::Parameter => Some(Whole::Parameter),
            Kind::SecurityScheme => Some(Whole::SecurityScheme),
            Kind::Schema if key == "additionalProperties" => Some(Whole::Map),
            _ => None,
        };
        // What `not` excludes is what everything else allows.
        let is_excluded = self.place.holder == Kind::Schema && self.place.keyword == "not";
        let around = self.place.direction.filter(|_| !is_excluded);
        Self {
            kind,
            pointer: child(&self.pointer, key),
            place: Place {
                holder: self.kind,
                keyword: key.to_owned(),
                direction: self.kind.direction(around),
                within: self.place.within.or(whole),
            },
        }
    }

    fn compare(&self, left: Option<&Value>, right: Option<&Value>, found: &mut Vec<Difference>) {
        let nothing = self.nothing(left.or(right));
        match (left.or(nothing.as_ref()), right.or(nothing.as_ref())) {
            (Some(Value::Object(left)), Some(Value::Object(right))) if self.is_structure() => {
                let added = right.keys().filter(|key| !left.contains_key(*key));
                for key in left.keys().chain(added) {
                    self.below(key)
                        .compare(left.get(key), right.get(key), found);
                }
            }
            (Some(Value::Array(left)), Some(Value::Array(right))) if self.is_set() => {
                self.compare_sets(left, right, found);
            }
            (left, right) if left != right => found.push(self.difference(left, right, "")),
            _ => {}
        }
    }

    fn is_structure(&self) -> bool {
        !matches!(
            self.kind,
            Kind::Data | Kind::Text | Kind::Value | Kind::Opaque
        )
    }

    fn is_set(&self) -> bool {
        matches!(self.kind, Kind::Value | Kind::Security | Kind::Schemas)
    }

    /// What an absent node means where that is the same as an empty one: its items are then compared one by one.
    fn nothing(&self, other: Option<&Value>) -> Option<Value> {
        let is_named = self.kind.has_names()
            || matches!(self.kind, Kind::Parameters | Kind::Tags | Kind::Servers)
            || matches!(self.kind, Kind::Responses | Kind::Paths);
        match other? {
            Value::Object(_) if is_named => Some(Value::Object(serde_json::Map::new())),
            Value::Array(_) if self.kind == Kind::Value && self.place.keyword != "enum" => {
                Some(Value::Array(Vec::new()))
            }
            _ => None,
        }
    }

    fn compare_sets(&self, lefts: &[Value], rights: &[Value], found: &mut Vec<Difference>) {
        let gone: Vec<_> = lefts.iter().filter(|item| !rights.contains(item)).collect();
        let new: Vec<_> = rights.iter().filter(|item| !lefts.contains(item)).collect();
        if self.kind == Kind::Schemas && gone.len() == new.len() {
            // The same number of schemas: each has changed.
            for (left, right) in gone.into_iter().zip(new) {
                let index = list_index(rights, right);
                self.below(&index).compare(Some(left), Some(right), found);
            }
            return;
        }
        let gone = gone
            .into_iter()
            .map(|item| self.difference(Some(item), None, "[]"));
        let new = new
            .into_iter()
            .map(|item| self.difference(None, Some(item), "[]"));
        found.extend(gone.chain(new));
    }

    fn difference(&self, left: Option<&Value>, right: Option<&Value>, suffix: &str) -> Difference {
        let mut place = self.place.clone();
        place.keyword += suffix;
        Difference {
            pointer: self.pointer.clone(),
            left: left.cloned(),
            right: right.cloned(),
            place,
        }
    }
}

fn list_index(list: &[Value], item: &Value) -> String {
    let index = list.iter().position(|one| one == item);
    index.unwrap_or_default().to_string()
}
