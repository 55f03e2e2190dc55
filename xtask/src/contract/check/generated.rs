//! The generated files: stale, edited by hand, or written by another generator?

use std::collections::BTreeMap;

use similar::TextDiff;

use super::finding::Findings;
use crate::contract::generate::{GENERATED_FILES, GeneratedFile, Header};

/// How much of a difference is shown; `cargo xtask generate` and git show all of it.
const LINES: usize = 12;

/// How much of a line is shown, in characters: a document of JSON is one line.
const LINE_CHARS: usize = 160;

/// Adds a finding for each generated file that is not what the contract makes of it.
pub(crate) fn check(files: &BTreeMap<String, String>, found: &mut Findings<'_>) {
    for file in GENERATED_FILES {
        match files.get(file.path) {
            Some(text) => compare(file, text, found),
            None => drop(found.in_file("GEN-MISSING", file.path, 1)),
        }
    }
}

fn compare(file: &GeneratedFile, text: &str, found: &mut Findings<'_>) {
    let contract = found.contract;
    let (header, body) = Header::read(text);
    let fresh = Header::of(file, contract, body);
    // Where the hashes agree, only a change of this program itself can make a difference.
    let made = file.in_process.then(|| (file.body)(contract));
    let made = made.map(|made| made.unwrap_or_else(|error| format!("{error:#}")));
    let mut differs = |id, had, has| {
        let finding = found.in_file(id, file.path, 1);
        finding.says("header", had).says("now", has);
    };
    if header.body != fresh.body {
        differs("GEN-EDITED", header.body, fresh.body);
    } else if header.generator != fresh.generator {
        differs("GEN-TOOL", header.generator, fresh.generator);
    } else if let Some(made) = made.filter(|made| made != body) {
        let diff = TextDiff::from_lines(body, &made);
        let diff = diff.unified_diff().context_radius(0).to_string();
        let cut = |line: &str| line.chars().take(LINE_CHARS).collect::<String>();
        let shown: Vec<_> = diff.lines().take(LINES).map(cut).collect();
        let finding = found.in_file("GEN-STALE", file.path, 1);
        finding.says("difference", shown.join("\n    "));
    } else if header.contract != fresh.contract {
        differs("GEN-STALE", header.contract, fresh.contract);
    }
}
