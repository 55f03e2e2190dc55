//! Import cycles: files that cannot be understood one after the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::crate_tree::CrateTree;
use crate::references::{Defined, Reference};

/// For each file the files that it depends on, with the first reference to each.
type Edges = BTreeMap<String, BTreeMap<String, Reference>>;

/// One line for each cycle; it names every file on the way, with the line that leads to the next.
pub(crate) fn import_cycles(tree: &CrateTree) -> Vec<String> {
    let edges = edges(tree);
    let mut reported = BTreeSet::new();
    let mut cycles = Vec::new();
    for file in edges.keys() {
        if reported.contains(file) {
            continue;
        }
        if let Some(cycle) = shortest_cycle(&edges, file) {
            reported.extend(cycle.iter().map(|reference| reference.file.clone()));
            let steps = cycle
                .iter()
                .map(|step| format!("{}:{} uses {}", step.file, step.line, step.written));
            cycles.push(format!(
                "import cycle: {}",
                steps.collect::<Vec<_>>().join(" -> ")
            ));
        }
    }
    cycles
}

fn edges(tree: &CrateTree) -> Edges {
    let mut edges = Edges::new();
    for reference in tree.references() {
        if let (true, Defined::InFile(target)) = (reference.is_dependency, &reference.defined) {
            let target = target.clone();
            let targets = edges.entry(reference.file.clone()).or_default();
            targets.entry(target).or_insert(reference);
        }
    }
    edges
}

/// The shortest way from a file back to itself.
fn shortest_cycle(edges: &Edges, start: &str) -> Option<Vec<Reference>> {
    // How each file was reached first.
    let mut reached: BTreeMap<&str, &Reference> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for (target, reference) in edges.get(file).into_iter().flatten() {
            if reached.contains_key(target.as_str()) {
                continue;
            }
            reached.insert(target, reference);
            if target == start {
                return Some(way_back(&reached, start));
            }
            queue.push_back(target);
        }
    }
    None
}

fn way_back(reached: &BTreeMap<&str, &Reference>, start: &str) -> Vec<Reference> {
    let mut way = VecDeque::new();
    let mut file = start;
    loop {
        let step = reached[file];
        way.push_front(step.clone());
        file = &step.file;
        if file == start {
            return way.into();
        }
    }
}
