//! A finding: one way in which something is not as the contract says, told so that a person can act on it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    catalogue::{self, Entry},
    contract::Contract,
};

/// One finding.
#[derive(Clone, Debug)]
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

impl Finding {
    /// A finding about a node of the contract; `pointer` may go through references.
    pub(crate) fn in_contract(id: &'static str, contract: &Contract, pointer: &str) -> Self {
        let origin = contract.written.origin(pointer);
        let line = contract.written.line(&origin);
        Self {
            id,
            file: contract.written.file.clone(),
            line,
            pointer: origin,
            sides: Vec::new(),
        }
    }

    /// A finding about another file.
    pub(crate) fn in_file(id: &'static str, file: &str, line: usize) -> Self {
        Self {
            id,
            file: file.to_owned(),
            line,
            pointer: String::new(),
            sides: Vec::new(),
        }
    }

    /// Adds what `who` says.
    pub(crate) fn says(mut self, who: &'static str, what: impl Into<String>) -> Self {
        self.sides.push((who, what.into()));
        self
    }

    /// Adds what `who` has at the place, shortened.
    pub(crate) fn has(self, who: &'static str, value: Option<&Value>) -> Self {
        let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
        let short: String = text.chars().take(160).collect();
        self.says(
            who,
            if short.len() < text.len() {
                short + "…"
            } else {
                text
            },
        )
    }

    /// Whether `cargo xtask generate` makes it go away.
    pub(crate) fn is_fixed_by_generate(&self) -> bool {
        self.id.starts_with("GEN-")
    }

    /// For a person at a terminal.
    pub(crate) fn to_text(&self) -> String {
        let Entry { means, cure, .. } = catalogue::entry(self.id);
        let mut text = format!("{}  {}:{}", self.id, self.file, self.line);
        if !self.pointer.is_empty() {
            let _ = write!(text, "  {}", self.pointer);
        }
        let _ = write!(text, "\n  {means}\n");
        for (who, what) in &self.sides {
            let _ = writeln!(text, "  {who}: {what}");
        }
        text + &format!("  -> {cure}\n")
    }

    /// One workflow command, which GitHub shows beside the line.
    pub(crate) fn to_github(&self) -> String {
        let Self { id, file, line, .. } = self;
        let escaped = self
            .to_text()
            .replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A");
        format!("::error file={file},line={line},title={id}::{escaped}")
    }

    /// One JSON object.
    pub(crate) fn to_json(&self) -> Value {
        let Entry { means, cure, .. } = catalogue::entry(self.id);
        let sides: Value = self
            .sides
            .iter()
            .map(|(who, what)| json!({ "who": who, "says": what }))
            .collect();
        json!({
            "id": self.id, "file": self.file, "line": self.line, "pointer": self.pointer,
            "means": means, "sides": sides, "do": cure,
        })
    }
}
