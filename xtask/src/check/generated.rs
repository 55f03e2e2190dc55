//! The generated files: stale, edited by hand, or written by another generator?

use std::collections::BTreeMap;

use similar::TextDiff;

use super::finding::Finding;
use crate::{
    document::Document,
    generate::{ARTEFACTS, Artefact, Header},
};

/// A finding for each generated file that is not what the contract makes of it.
pub(crate) fn check(contract: &Document, files: &BTreeMap<String, String>) -> Vec<Finding> {
    ARTEFACTS
        .iter()
        .filter_map(|artefact| judge(artefact, contract, files.get(artefact.path)))
        .collect()
}

fn judge(artefact: &Artefact, contract: &Document, file: Option<&String>) -> Option<Finding> {
    let finding = |id| Finding::in_file(id, artefact.path, 1);
    let Some(text) = file else {
        return Some(finding("GEN-MISSING"));
    };
    let (header, body) = Header::read(text);
    let fresh = Header::of(artefact, contract, body);
    if header.body != fresh.body {
        return Some(
            finding("GEN-EDITED")
                .says("header", header.body)
                .says("body", fresh.body),
        );
    }
    if header.generator != fresh.generator {
        return Some(
            finding("GEN-TOOL")
                .says("header", header.generator)
                .says("pinned", fresh.generator),
        );
    }
    if header.contract != fresh.contract {
        return Some(
            finding("GEN-STALE")
                .says("header", header.contract)
                .says("contract", fresh.contract),
        );
    }
    if !artefact.in_process {
        return None;
    }
    // The hashes agree, so only a change of this program can make a difference.
    let made = (artefact.body)(contract).unwrap_or_else(|error| error);
    let diff = TextDiff::from_lines(body, &made);
    let shown = diff
        .unified_diff()
        .context_radius(0)
        .header("committed", "made afresh")
        .to_string();
    (body != made).then(|| {
        finding("GEN-STALE").says(
            "difference",
            shown.lines().take(12).collect::<Vec<_>>().join("\n  "),
        )
    })
}
