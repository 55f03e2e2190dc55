//! The generated files: stale, edited by hand, or written by another generator?

use std::collections::BTreeMap;

use similar::TextDiff;

use super::finding::Finding;
use crate::{
    document::Document,
    generate::{ARTEFACTS, Artefact, Header},
};

/// How much of a difference is shown; `cargo xtask generate` and git show all of it.
const LINES: usize = 12;

/// A finding for each generated file that is not what the contract makes of it.
pub(crate) fn check(contract: &Document, files: &BTreeMap<String, String>) -> Vec<Finding> {
    let judged = ARTEFACTS
        .iter()
        .map(|artefact| judge(artefact, contract, files.get(artefact.path)));
    judged.flatten().collect()
}

fn judge(artefact: &Artefact, contract: &Document, file: Option<&String>) -> Option<Finding> {
    let finding = |id| Finding::in_file(id, artefact.path, 1);
    let Some(text) = file else {
        return Some(finding("GEN-MISSING"));
    };
    let (header, body) = Header::read(text);
    let fresh = Header::of(artefact, contract, body);
    let differs = |id, had, has| Some(finding(id).says("header", had).says("now", has));
    if header.body != fresh.body {
        return differs("GEN-EDITED", header.body, fresh.body);
    }
    if header.generator != fresh.generator {
        return differs("GEN-TOOL", header.generator, fresh.generator);
    }
    // Where the hashes agree, only a change of this program itself can make a difference.
    let made = artefact
        .in_process
        .then(|| (artefact.body)(contract).unwrap_or_else(|error| error));
    match made {
        Some(made) if made != body => {
            let diff = TextDiff::from_lines(body, &made);
            let diff = diff
                .unified_diff()
                .context_radius(0)
                .header("committed", "now")
                .to_string();
            let shown: Vec<_> = diff.lines().take(LINES).collect();
            Some(finding("GEN-STALE").says("difference", shown.join("\n    ")))
        }
        _ if header.contract != fresh.contract => {
            differs("GEN-STALE", header.contract, fresh.contract)
        }
        _ => None,
    }
}
