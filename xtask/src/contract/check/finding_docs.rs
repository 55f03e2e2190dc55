//! Every finding that there is, read from `findings.md`: its stable id, what it means and what to do.

use std::sync::LazyLock;

/// One kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What its family compares.
    pub(crate) family: &'static str,
    /// The stable id: family and subject.
    pub(crate) id: &'static str,
    /// What it means, in one sentence.
    pub(crate) means: &'static str,
    /// What to do.
    pub(crate) fix: &'static str,
}

/// All findings, in the order of the file.
pub(crate) static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let (mut family, mut entries) = ("", Vec::new());
    for line in include_str!("findings.md").lines() {
        match cells(line)[..] {
            [id, means, fix] if id.contains('-') && !id.starts_with('-') => {
                entries.push(Entry {
                    family,
                    id,
                    means,
                    fix,
                });
            }
            [prose] if !prose.is_empty() => family = prose,
            _ => {}
        }
    }
    entries
});

/// The cells of a row of a Markdown table.
pub(crate) fn cells(row: &str) -> Vec<&str> {
    let row = row.trim_matches('|');
    row.split('|').map(str::trim).collect()
}

/// The entry of an id.
///
/// # Panics
/// Where there is none, which the self-test would find.
pub(crate) fn entry(id: &str) -> &'static Entry {
    find(id).unwrap_or_else(|| panic!("{id} is not in findings.md"))
}

/// The entry of an id that a person gave.
pub(crate) fn find(id: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.id == id)
}
