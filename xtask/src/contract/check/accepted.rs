//! Findings that a person has accepted for a while: `openapi/accepted.yaml`, a list of mappings with `id`, `pointer` (or
//! the file, where a finding has no pointer), `until` (a version or a date) and `reason`.
//!
//! An entry that accepts nothing any more is a finding, and so is one that is past its `until`, or one that must not be.

use std::collections::BTreeMap;

use billing_portal_tests::contract::{
    Document,
    tree::{entries, items},
};
use serde_json::Value;

use super::{finding::Finding, finding_docs, history};

/// Where accepted findings are.
pub(crate) const ACCEPTED: &str = "openapi/accepted.yaml";

/// Findings about secrets and about released files are never accepted, nor is one about this list.
const NEVER: [&str; 3] = ["EX-SECRET", "VER-RELEASED", "META-ACCEPTED"];

/// The keys of an entry.
const KEYS: [&str; 4] = ["id", "pointer", "until", "reason"];

/// What an entry is compared with.
pub(crate) struct Now<'a> {
    /// The contract's version.
    pub(crate) version: &'a str,
    /// The day, as `2026-01-31`.
    pub(crate) today: &'a str,
}

/// Removes the accepted findings, and adds one for each entry that is wrong. Only the families that `is_ours` names are
/// looked at: the coverage has findings of its own.
pub(crate) fn apply(
    files: &BTreeMap<String, String>,
    now: &Now<'_>,
    findings: &mut Vec<Finding>,
    is_ours: impl Fn(&str) -> bool,
) {
    let Some(text) = files.get(ACCEPTED) else {
        return;
    };
    let list = match Document::parse(ACCEPTED, text) {
        Ok(list) => list,
        Err(error) => return findings.push(wrong_entry(error.line, "reader", error.reason)),
    };
    let mut wrong = Vec::new();
    for (index, entry) in items(&list.value).enumerate() {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        if !is_ours(text("id")) {
            continue;
        }
        let is_it = |finding: &Finding| {
            let place = [&finding.pointer, &finding.file].map(String::as_str);
            finding.id == text("id") && place.contains(&text("pointer"))
        };
        let reason = if let Some(reason) = refused(entry, now) {
            reason
        } else if findings.iter().any(is_it) {
            findings.retain(|finding| !is_it(finding));
            continue;
        } else {
            "accepts nothing any more".to_owned()
        };
        let line = list.line(&format!("/{index}"));
        wrong.push(wrong_entry(
            line,
            "entry",
            format!("{}: {reason}", text("id")),
        ));
    }
    findings.extend(wrong);
}

fn wrong_entry(line: usize, side: &'static str, reason: String) -> Finding {
    let mut finding = Finding::new("META-ACCEPTED", ACCEPTED, line);
    finding.says(side, reason);
    finding
}

/// Why an entry does not count.
fn refused(entry: &Value, now: &Now<'_>) -> Option<String> {
    let text = |key: &str| entry[key].as_str().unwrap_or_default();
    let (id, until) = (text("id"), text("until"));
    let missing = KEYS.iter().find(|key| text(key).trim().is_empty());
    let unknown = entries(entry).find(|(key, _)| !KEYS.contains(key));
    if let Some(key) = missing {
        Some(format!("`{key}` is missing"))
    } else if let Some((key, _)) = unknown {
        Some(format!("`{key}` is not a key of an entry"))
    } else if NEVER.contains(&id) || finding_docs::find(id).is_none() {
        Some("is never accepted".to_owned())
    } else {
        let is_past = match (history::version(until), history::version(now.version)) {
            (Some(until), Some(present)) => Some(present >= until),
            _ => is_date(until).then(|| now.today > until),
        };
        match is_past {
            Some(false) => None,
            Some(true) => Some(format!("was accepted until {until}")),
            None => Some(format!("`until` is neither a version nor a date: {until}")),
        }
    }
}

/// Whether a text is a day such as `2026-01-31`.
fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let is_number = |(part, length): (&&str, usize)| {
        part.len() == length && part.chars().all(|char| char.is_ascii_digit())
    };
    parts.len() == 3 && parts.iter().zip([4, 2, 2]).all(is_number)
}
