//! Findings that a person has accepted for a while: `openapi/accepted.yaml`, a list of mappings with `id`, `pointer` (or
//! the file, where a finding has no pointer), `until` (a version or a date) and `reason`.
//!
//! An entry that accepts nothing any more is a finding, and so is one that is past its `until`, or one that must not be.

use std::sync::LazyLock;

use anyhow::{Result, ensure};
use billing_portal_tests::contract::{Document, tree::items};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::{finding::Finding, finding_docs, history};

/// Where accepted findings are.
pub(crate) const ACCEPTED: &str = "openapi/accepted.yaml";

/// Findings about secrets and about released files are never accepted, nor is one about this list.
const NEVER: [&str; 3] = ["EX-SECRET", "VER-RELEASED", "META-ACCEPTED"];

/// A day such as `2026-01-31`.
static DAY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[0-9]{4}-[0-9]{2}-[0-9]{2}$").expect("a pattern"));

/// An entry of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    pointer: String,
    until: String,
    reason: String,
}

/// What an entry is compared with.
pub(crate) struct Now<'a> {
    /// The contract's version.
    pub(crate) version: &'a str,
    /// The day, as `2026-01-31`.
    pub(crate) today: &'a str,
}

/// Removes the accepted findings, and adds one for each entry that is wrong. Only the families that `is_ours` names are
/// looked at: the coverage has findings of its own. `list` is the text of [`ACCEPTED`], if it exists.
pub(crate) fn apply(
    list: Option<&String>,
    now: &Now<'_>,
    findings: &mut Vec<Finding>,
    is_ours: impl Fn(&str) -> bool,
) {
    let Some(text) = list else {
        return;
    };
    let list = match Document::parse(ACCEPTED, text) {
        Ok(list) => list,
        Err(error) => return findings.push(wrong_entry(error.line, "reader", error.reason)),
    };
    let mut wrong = Vec::new();
    for (index, entry) in items(&list.value).enumerate() {
        let id = entry["id"].as_str().unwrap_or_default();
        if is_ours(id)
            && let Err(reason) = accept(entry, now, findings)
        {
            let line = list.line(&format!("/{index}"));
            wrong.push(wrong_entry(line, "entry", format!("{id}: {reason}")));
        }
    }
    findings.extend(wrong);
}

fn wrong_entry(line: usize, side: &'static str, reason: String) -> Finding {
    let mut finding = Finding::new("META-ACCEPTED", ACCEPTED, line);
    finding.says(side, reason);
    finding
}

/// Removes what an entry accepts, or says what is wrong with the entry.
fn accept(entry: &Value, now: &Now<'_>, findings: &mut Vec<Finding>) -> Result<()> {
    let entry = Entry::deserialize(entry)?;
    entry.check(now)?;
    let before = findings.len();
    findings.retain(|finding| {
        let is_there = [&finding.pointer, &finding.file].contains(&&entry.pointer);
        finding.id != entry.id || !is_there
    });
    ensure!(findings.len() < before, "accepts nothing any more");
    Ok(())
}

impl Entry {
    fn check(&self, now: &Now<'_>) -> Result<()> {
        let Self { id, until, .. } = self;
        ensure!(!self.reason.trim().is_empty(), "`reason` is empty");
        let may_be = !NEVER.contains(&id.as_str()) && finding_docs::find(id).is_some();
        ensure!(may_be, "is never accepted");
        let is_past = match [until, now.version].map(history::version) {
            [Some(until), Some(present)] => present >= until,
            _ if DAY.is_match(until) => now.today > until.as_str(),
            _ => anyhow::bail!("`until` is neither a version nor a date: {until}"),
        };
        ensure!(!is_past, "was accepted until {until}");
        Ok(())
    }
}
