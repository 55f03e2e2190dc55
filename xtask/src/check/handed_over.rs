//! What the server cannot declare is never waived: `handed_over.md` hands each such thing to another proof.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{catalogue, finding::Finding};

const FILE: &str = "xtask/src/check/handed_over.md";

/// One thing that is proved elsewhere.
pub(crate) struct HandedOver {
    line: usize,
    /// What the server's document cannot say.
    pub(crate) gap: &'static str,
    /// Ids of findings and names of tests.
    pub(crate) proofs: Vec<&'static str>,
}

/// All of them, in the order of the file.
pub(crate) static ROWS: LazyLock<Vec<HandedOver>> = LazyLock::new(|| {
    let lines = include_str!("handed_over.md").lines().enumerate();
    let rows = lines.filter_map(|(index, line)| {
        let (gap, proofs) = line
            .strip_prefix("| ")?
            .strip_suffix(" |")?
            .split_once(" | ")?;
        let proofs = proofs.split(", ").collect();
        Some(HandedOver {
            line: index + 1,
            gap,
            proofs,
        })
    });
    // The table's head has two rows.
    rows.skip(2).collect()
});

/// A finding for each proof that is not there; `files` holds the sources of the tests.
pub(crate) fn check(files: &BTreeMap<String, String>) -> Vec<Finding> {
    let is_test = |name: &str| {
        let function = format!("fn {name}(");
        files
            .iter()
            .any(|(file, source)| file.contains("tests/") && source.contains(&function))
    };
    let named = ROWS
        .iter()
        .flat_map(|row| row.proofs.iter().map(move |proof| (row, *proof)));
    let missing = named.filter(|(_, proof)| catalogue::find(proof).is_none() && !is_test(proof));
    missing
        .map(|(row, proof)| {
            Finding::in_file("META-PROOF", FILE, row.line)
                .says("gap", row.gap)
                .says("missing", proof)
        })
        .collect()
}
