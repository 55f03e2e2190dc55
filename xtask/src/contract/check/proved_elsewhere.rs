//! What the server cannot declare is proved elsewhere: each row of `proved_elsewhere.md` names findings and tests.

use std::collections::{BTreeMap, BTreeSet};

use super::{finding::Findings, finding_docs};

const FILE: &str = "xtask/src/contract/check/proved_elsewhere.md";

/// Adds a finding for each proof that is not there; `files` holds the sources of the tests.
pub(crate) fn check(files: &BTreeMap<String, String>, found: &mut Findings<'_>) {
    let tests = files.iter().filter(|(file, _)| file.contains("tests/"));
    let functions = tests.flat_map(|(_, source)| source.split("fn ").skip(1));
    let names = functions.filter_map(|function| function.split_once('('));
    let names: BTreeSet<_> = names.map(|(name, _)| name).collect();
    let is_proof = |name: &str| finding_docs::find(name).is_some() || names.contains(name);
    let rows = include_str!("proved_elsewhere.md").lines().zip(1..);
    // The table's head has two rows.
    for (row, line) in rows.filter(|(row, _)| row.starts_with('|')).skip(2) {
        let cells = finding_docs::cells(row);
        let proofs = cells.last().copied().unwrap_or_default().split(", ");
        for missing in proofs.filter(|name| !is_proof(name)) {
            let finding = found.in_file("META-PROOF", FILE, line);
            finding.says("gap", cells[0]).says("missing", missing);
        }
    }
}
