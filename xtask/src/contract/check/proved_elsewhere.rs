//! What the server cannot declare is proved elsewhere: each row of `proved_elsewhere.md` names the proof.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use super::{finding::Findings, finding_docs};

const FILE: &str = "xtask/src/contract/check/proved_elsewhere.md";

/// One thing that is proved elsewhere.
pub(crate) struct ProvedElsewhere {
    line: usize,
    /// What the server's document cannot say.
    pub(crate) gap: &'static str,
    /// Ids of findings and names of tests.
    pub(crate) proofs: Vec<&'static str>,
}

/// All of them, in the order of the file.
pub(crate) static ROWS: LazyLock<Vec<ProvedElsewhere>> = LazyLock::new(|| {
    let lines = include_str!("proved_elsewhere.md").lines().zip(1..);
    let rows = lines.filter_map(|(row, line)| {
        let row = row.strip_prefix("| ")?.strip_suffix(" |")?;
        let (gap, proofs) = row.split_once(" | ")?;
        let proofs = proofs.split(", ").collect();
        Some(ProvedElsewhere { line, gap, proofs })
    });
    // The table's head has two rows.
    rows.skip(2).collect()
});

/// Adds a finding for each proof that is not there; `files` holds the sources of the tests.
pub(crate) fn check(files: &BTreeMap<String, String>, found: &mut Findings<'_>) {
    let tests = files.iter().filter(|(file, _)| file.contains("tests/"));
    let functions = tests.flat_map(|(_, source)| source.split("fn ").skip(1));
    let names = functions.filter_map(|function| function.split_once('('));
    let names: BTreeSet<_> = names.map(|(name, _)| name).collect();
    for ProvedElsewhere { line, gap, proofs } in ROWS.iter() {
        for proof in proofs
            .iter()
            .filter(|proof| finding_docs::find(proof).is_none())
        {
            if !names.contains(proof) {
                let finding = found.in_file("META-PROOF", FILE, *line);
                finding.says("gap", *gap).says("missing", *proof);
            }
        }
    }
}
