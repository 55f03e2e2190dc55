//! Everything that changed between a released contract and the present one, and how much each change means.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use billing_portal_tests::contract::{
    Document,
    difference::{Difference, differences},
    normalise::{normalise, normalise_components},
    tree::{child, entries, walk},
};
use serde_json::{Map, Value, json};

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
        let Difference {
            pointer,
            left,
            right,
            ..
        } = &difference;
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

/// The normal form of a released contract and of its unused components. The self-test compares with the same one many
/// times, so the last is remembered.
fn forms(released: &Document) -> [Value; 2] {
    static LAST: Mutex<Option<(Value, [Value; 2])>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    match &*last {
        Some((made_from, forms)) if *made_from == released.value => forms.clone(),
        _ => {
            let forms = [normalise(&released.value), unused(&released.value)];
            *last = Some((released.value.clone(), forms.clone()));
            forms
        }
    }
}

/// The components that nothing refers to: a change of one means nothing to callers.
fn unused(document: &Value) -> Value {
    let mut used = BTreeSet::new();
    for (key, node) in entries(document).filter(|(key, _)| *key != "components") {
        let _ = key;
        refer(document, node, &mut used);
    }
    let mut components = Map::new();
    for (kind, named) in
        entries(&document["components"]).filter(|(kind, _)| *kind != "securitySchemes")
    {
        let place = child("/components", kind);
        let idle = entries(named).filter(|(name, _)| !used.contains(&child(&place, name)));
        let idle: Map<_, _> = idle
            .map(|(name, node)| (name.to_owned(), node.clone()))
            .collect();
        components.insert(kind.to_owned(), Value::Object(idle));
    }
    normalise_components(&json!({ "components": components }))
}

/// Adds everything that `node` refers to, on however many ways.
fn refer(document: &Value, node: &Value, used: &mut BTreeSet<String>) {
    let mut targets = Vec::new();
    walk(node, "", &mut |_, node| {
        let target = node.get("$ref").and_then(Value::as_str);
        targets.extend(
            target
                .and_then(|target| target.strip_prefix('#'))
                .map(str::to_owned),
        );
    });
    for target in targets {
        if used.insert(target.clone())
            && let Some(node) = document.pointer(&target)
        {
            refer(document, node, used);
        }
    }
}
