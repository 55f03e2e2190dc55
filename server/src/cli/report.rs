//! What a command prints: text for people, one JSON value for programs. No secret is printed, save a new key.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::terminal::{Highlights, columns, highlight};
use crate::{
    api_key::ApiKey,
    escaping::{printable_field, printable_text},
    redaction::redact,
};

const SAVE_THE_KEY: &str = "Save the key now: it is not stored and cannot be shown again.";

/// What standard output is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// Whether a person reads it directly.
    pub is_terminal: bool,
    /// Whether it shows colours.
    pub has_colours: bool,
}

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
    /// Lines about what a person may not have meant: on standard error, and in the JSON object as `warnings`.
    pub warnings: Vec<String>,
    /// What a terminal shows in colours.
    pub highlights: Highlights,
    /// The headers of the columns of a list.
    pub headers: Vec<&'static str>,
    /// The key that the command created. It is the only secret that is ever printed.
    pub new_key: Option<ApiKey>,
    /// What to do if the report cannot be printed, because the command has changed something.
    pub if_unprinted: Option<String>,
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

    /// A list: an array in JSON, a line for each item in text, and columns under headers on a terminal.
    pub(super) fn list<T: Serialize>(
        headers: &[&'static str],
        items: &[T],
        line: impl Fn(&T) -> String,
    ) -> Self {
        Self {
            headers: headers.to_vec(),
            ..Self::new(items, items.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
    }

    /// With these warnings.
    pub(super) fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        if let (false, Some(fields)) = (warnings.is_empty(), self.json.as_object_mut()) {
            fields.insert("warnings".to_owned(), to_json(&warnings));
        }
        self.warnings = warnings;
        self
    }

    /// Prints the report and returns the exit status.
    pub(super) fn print(
        self,
        json: bool,
        output: Output,
        stdout: &mut impl Write,
        stderr: &mut dyn Write,
    ) -> u8 {
        let text = if json && !self.json.is_null() {
            json_text(self.json, self.new_key.as_ref())
        } else {
            for failure in &self.failures {
                print_error(failure, stderr);
            }
            for warning in &self.warnings {
                print_error(&format!("warning: {warning}"), stderr);
            }
            self.text_for(output)
        };
        match print_text(&text, stdout) {
            Ok(()) => u8::from(self.failed),
            // A new key is shown only here, so the command has failed if it could not be shown.
            Err(error) => {
                let problem = format!("error: the output could not be written: {error}");
                let remedy = self.if_unprinted.map(|remedy| format!("; {remedy}"));
                let problem = problem + &remedy.unwrap_or_default();
                print_error(&problem, stderr);
                1
            }
        }
    }
}

impl Report {
    /// Others' text is made safe first, so that the only colours are ours.
    fn text_for(&self, output: Output) -> String {
        let text = plain_text(&self.text, self.new_key.as_ref());
        let text = if output.is_terminal && !self.headers.is_empty() {
            columns(&self.headers, &text)
        } else {
            text
        };
        if output.has_colours {
            return highlight(&text, self.highlights);
        }
        text
    }
}

fn json_text(mut json: Value, new_key: Option<&ApiKey>) -> String {
    redact_strings(&mut json);
    if let (Some(fields), Some(key)) = (json.as_object_mut(), new_key) {
        fields.insert("key".to_owned(), key.expose().into());
    }
    json.to_string()
}

fn plain_text(text: &str, new_key: Option<&ApiKey>) -> String {
    let text = redact(text);
    let text = printable_text(&text);
    match new_key {
        Some(key) => format!("{text}\n{}\n{SAVE_THE_KEY}", key.expose()),
        None => text.into_owned(),
    }
}

fn redact_strings(json: &mut Value) {
    match json {
        Value::String(text) => *text = redact(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(redact_strings),
        Value::Object(fields) => fields.values_mut().for_each(redact_strings),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Prints a line on standard error, without secrets: a person may have given one in place of an id or a file.
pub(super) fn print_error(line: &str, stderr: &mut dyn Write) {
    _ = writeln!(stderr, "{}", printable_text(&redact(line)));
}

fn print_text(text: &str, stdout: &mut impl Write) -> io::Result<()> {
    if !text.is_empty() {
        writeln!(stdout, "{text}")?;
    }
    stdout.flush()
}

/// The fields of a line of text. Other people may have written them, so nothing in one begins another field or line.
pub(super) fn line<'a>(fields: impl IntoIterator<Item = impl AsRef<str> + 'a>) -> String {
    let fields = fields.into_iter();
    let fields: Vec<String> = fields
        .map(|field| printable_field(field.as_ref()).into_owned())
        .collect();
    fields.join("\t")
}

/// The JSON of plain data.
pub(super) fn to_json(data: impl Serialize) -> Value {
    serde_json::to_value(data).expect("structs with string keys always serialize")
}
