//! What a command prints: text for people, one JSON value for programs.

use serde::Serialize;
use serde_json::Value;

/// The result of a command.
#[derive(Default)]
pub(super) struct Report {
    /// For `--json`. Null: nothing is printed.
    pub json: Value,
    /// For people.
    pub text: String,
    /// Whether the exit status is 1 although the command ran: something that it checked or imported failed.
    pub failed: bool,
    /// Lines for standard error. The JSON has them too.
    pub failures: Vec<String>,
}

impl Report {
    /// A report of success.
    pub(super) fn new(json: impl Serialize, text: String) -> Self {
        Self {
            json: to_json(json),
            text,
            ..Self::default()
        }
    }

    /// A list: an array in JSON, a line for each item in text.
    pub(super) fn list<T: Serialize>(items: &[T], line: impl Fn(&T) -> String) -> Self {
        Self::new(items, items.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

/// The JSON of plain data.
pub(super) fn to_json(data: impl Serialize) -> Value {
    serde_json::to_value(data).expect("structs with string keys always serialize")
}
