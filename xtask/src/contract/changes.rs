//! `cargo xtask changes`: everything that changed since the last release, with what it means to callers, whether or not
//! anything is wrong.

use std::path::Path;

use anyhow::{Context, Result};
use billing_portal_tests::contract::{difference::Difference, document::CONTRACT};
use semver::Version;
use serde_json::{Value, json};

use super::{
    check::{
        change::{Change, changes},
        finding::shown,
        history,
        inputs::Inputs,
    },
    files::read_contract,
};
use crate::{commands::ChangesFormat, workspace};

/// Prints the changes.
pub(crate) fn run(root: &Path, format: ChangesFormat) -> Result<()> {
    let contract = read_contract(root)?;
    let files = Inputs::without_server(root)?.files;
    let (last, released) = history::last_final(&files).context("nothing is released")?;
    let mut changes = changes(&released, &contract);
    changes.sort_by_key(|change| (std::cmp::Reverse(change.level), change.line));
    workspace::print(&printed(&last, &changes, format));
    Ok(())
}

/// The changes in a format.
fn printed(since: &Version, changes: &[Change], format: ChangesFormat) -> String {
    let lines = |line: fn(&Change) -> String| {
        let lines: Vec<_> = changes.iter().map(line).collect();
        lines.join("\n")
    };
    match format {
        ChangesFormat::Text => format!("{} changes since {since}\n{}", changes.len(), lines(text)),
        ChangesFormat::Markdown => format!(
            "| change since {since} | where | before | after |\n| --- | --- | --- | --- |\n{}",
            lines(row)
        ),
        ChangesFormat::Json => {
            let objects: Vec<_> = changes.iter().map(object).collect();
            json!({ "since": since.to_string(), "changes": objects }).to_string()
        }
    }
}

/// The level, the place, and what both sides have, shortened.
fn parts(change: &Change) -> [String; 4] {
    let Difference {
        pointer,
        left,
        right,
        ..
    } = &change.difference;
    let [before, after] = [left, right].map(|side| shown(side.as_ref()));
    [
        change.level.word().to_owned(),
        pointer.clone(),
        before,
        after,
    ]
}

fn text(change: &Change) -> String {
    let [level, pointer, before, after] = parts(change);
    let line = change.line;
    format!("{level:10} {CONTRACT}:{line}  {pointer}\n  before: {before}\n  after:  {after}")
}

fn row(change: &Change) -> String {
    let [level, code @ ..] = parts(change);
    let plain = |text: String| {
        text.replace('`', "'")
            .replace('|', "\\|")
            .replace('\n', " ")
    };
    let cells = code.map(|text| format!("`{}`", plain(text))).join(" | ");
    format!("| {level} | {cells} |")
}

fn object(change: &Change) -> Value {
    let difference = &change.difference;
    json!({
        "level": change.level.word(), "file": CONTRACT, "line": change.line, "pointer": difference.pointer,
        "before": difference.left, "after": difference.right,
    })
}
