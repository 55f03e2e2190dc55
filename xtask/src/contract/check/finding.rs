//! A finding: one way in which something is not as the contract says, reported so that a person can act on it.

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
        Self {
            id,
            file: file.to_owned(),
            line,
            pointer: String::new(),
            sides: Vec::new(),
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
        let Self {
            id,
            file,
            line,
            pointer,
            sides,
        } = self;
        let finding_docs::Entry { means, fix, .. } = finding_docs::entry(id);
        let sides = sides.iter().map(|(who, what)| format!("  {who}: {what}\n"));
        let sides = sides.collect::<Vec<_>>().concat();
        format!("{id}  {file}:{line}  {pointer}\n  {means}\n{sides}  -> {fix}\n")
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
        let side = |(who, what): &_| json!({ "who": who, "says": what });
        let sides: Value = self.sides.iter().map(side).collect();
        json!({
            "id": self.id, "file": self.file, "line": self.line, "pointer": self.pointer,
            "means": entry.means, "sides": sides, "do": entry.fix,
        })
    }
}
