//! Everything that changed between a released contract and the present one, and how much each change means.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use billing_portal_tests::contract::{
    Document,
    difference::{Difference, differences},
    normalise::{normalise, normalise_components},
    resolve::reference,
    tree::{child, entries, walk},
};
use serde_json::{Value, json};

use super::meaning::{Level, level};

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
    let [before, idle_before] = forms(released);
    let used = differences(&before, &normalise(&contract.value));
    let used = used.into_iter().map(|one| (level(&one), one));
    let unused = differences(&idle_before, &unused(&contract.value));
    let unused = unused.into_iter().map(|one| (Level::Text, one));
    let mut found: BTreeMap<String, Change> = BTreeMap::new();
    for (level, mut difference) in used.chain(unused) {
        if difference.pointer == "/info/version" {
            continue;
        }
        difference.pointer = contract.origin(&difference.pointer);
        let line = contract.first_changed_line(released, &difference.pointer);
        let (left, right) = (&difference.left, &difference.right);
        let once = format!("{} {left:?} {right:?}", difference.pointer);
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

/// The normal form of a released contract and of its unused components. The self-test compares with the same one many
/// times, so the last is remembered.
fn forms(released: &Document) -> [Value; 2] {
    static LAST: Mutex<Option<(Value, [Value; 2])>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let known = last.take().filter(|(from, _)| *from == released.value);
    let make = || [normalise(&released.value), unused(&released.value)];
    let (from, forms) = known.unwrap_or_else(|| (released.value.clone(), make()));
    last.insert((from, forms)).1.clone()
}

/// The components that nothing refers to: a change of one means nothing to callers.
fn unused(document: &Value) -> Value {
    let mut used = BTreeSet::new();
    for (_, node) in entries(document).filter(|(key, _)| *key != "components") {
        refer(document, node, &mut used);
    }
    let mut components = document["components"].clone();
    for (kind, named) in components.as_object_mut().into_iter().flatten() {
        let place = child("/components", kind);
        if let Some(named) = named.as_object_mut() {
            named.retain(|name, _| {
                kind != "securitySchemes" && !used.contains(&child(&place, name))
            });
        }
    }
    normalise_components(&json!({ "components": components }))
}

/// Adds everything that `node` refers to, on however many ways.
fn refer(document: &Value, node: &Value, used: &mut BTreeSet<String>) {
    walk(node, "", &mut |_, node| {
        if let Some(target) = reference(node)
            && used.insert(target.to_owned())
            && let Some(node) = document.pointer(target)
        {
            refer(document, node, used);
        }
    });
}
