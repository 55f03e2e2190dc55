//! A finding: one way in which something is not as the contract says, reported so that a person can act on it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use billing_portal_tests::contract::Contract;

use super::finding_docs;

/// How much of a value is shown.
const SHOWN: usize = 160;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The stable name; `cargo xtask explain ID` tells more.
    pub(crate) id: &'static str,
    /// The file in which to look, from the workspace's root.
    pub(crate) file: String,
    /// The line in it, from 1.
    pub(crate) line: usize,
    /// The node of the contract, as a JSON pointer; empty where the finding is about another file.
    pub(crate) pointer: String,
    /// Who says what.
    pub(crate) sides: Vec<(&'static str, String)>,
}

/// What was found so far, and the contract that it is about.
pub(crate) struct Findings<'a> {
    /// The contract.
    pub(crate) contract: &'a Contract,
    /// The findings.
    pub(crate) list: Vec<Finding>,
}

impl<'a> Findings<'a> {
    /// Nothing yet.
    pub(crate) fn about(contract: &'a Contract) -> Self {
        let list = Vec::new();
        Self { contract, list }
    }

    /// Adds a finding about a node of the contract; `pointer` may go through references.
    pub(crate) fn at(&mut self, id: &'static str, pointer: &str) -> &mut Finding {
        let written = &self.contract.written;
        let pointer = written.origin(pointer);
        let line = written.line(&pointer);
        let finding = self.in_file(id, &written.file, line);
        finding.pointer = pointer;
        finding
    }

    /// Adds a finding about another file.
    pub(crate) fn in_file(&mut self, id: &'static str, file: &str, line: usize) -> &mut Finding {
        self.list.push(Finding::new(id, file, line));
        self.list.last_mut().expect("one was just added")
    }

    /// Leaves one of each: a place of the file may be reached on many ways.
    pub(crate) fn once_each(&mut self) {
        self.list.sort();
        self.list.dedup();
    }
}

/// A value as people see it, shortened.
pub(crate) fn shown(value: Option<&Value>) -> String {
    let text = value.map_or("nothing".to_owned(), Value::to_string);
    let short: String = text.chars().take(SHOWN).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    short + more
}

impl Finding {
    /// A finding about a file.
    pub(crate) fn new(id: &'static str, file: &str, line: usize) -> Self {
        let (file, pointer, sides) = (file.to_owned(), String::new(), Vec::new());
        Self {
            id,
            file,
            line,
            pointer,
            sides,
        }
    }

    /// Adds what `who` says.
    pub(crate) fn says(&mut self, who: &'static str, what: impl Into<String>) -> &mut Self {
        self.sides.push((who, what.into()));
        self
    }

    /// Adds what `who` has at the place, shortened.
    pub(crate) fn has(&mut self, who: &'static str, value: Option<&Value>) -> &mut Self {
        self.says(who, shown(value))
    }

    /// Whether `cargo xtask generate` makes it go away.
    pub(crate) fn is_fixed_by_generate(&self) -> bool {
        self.id.starts_with("GEN-")
    }

    /// For a person at a terminal.
    pub(crate) fn to_text(&self) -> String {
        let entry = finding_docs::entry(self.id);
        let Self {
            id,
            file,
            line,
            pointer,
            sides,
        } = self;
        let mut text = format!("{id}  {file}:{line}  {pointer}\n  {}\n", entry.means);
        for (who, what) in sides {
            let _ = writeln!(text, "  {who}: {what}");
        }
        text + &format!("  -> {}\n", entry.fix)
    }

    /// One workflow command, which GitHub shows beside the line.
    pub(crate) fn to_github(&self) -> String {
        let Self { id, file, line, .. } = self;
        let text = self.to_text().replace('%', "%25").replace('\n', "%0A");
        format!("::error file={file},line={line},title={id}::{text}")
    }

    /// One JSON object.
    pub(crate) fn to_json(&self) -> Value {
        let entry = finding_docs::entry(self.id);
        let sides = self.sides.iter();
        let sides: Value = sides
            .map(|(who, what)| json!({ "who": who, "says": what }))
            .collect();
        json!({
            "id": self.id, "file": self.file, "line": self.line, "pointer": self.pointer,
            "means": entry.means, "sides": sides, "do": entry.fix,
        })
    }
}
