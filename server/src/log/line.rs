//! How an event is written: as one JSON object, or as text for people, always on one line.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::ser::Formatter;
use tracing::Level;

use super::field::{Fields, Value};
use crate::escaping::is_unsafe;

/// An event that is about to be written.
pub(super) struct Line<'a> {
    /// When it happened.
    pub(super) time: DateTime<Utc>,
    /// How severe it is.
    pub(super) level: Level,
    /// The module that reports it, or `audit`.
    pub(super) target: &'a str,
    /// What it says.
    pub(super) fields: &'a Fields,
    /// The name of the span that it happened in.
    pub(super) span: Option<&'a str>,
    /// What that span says, such as the request's id.
    pub(super) span_fields: Option<&'a Fields>,
}

impl Line<'_> {
    /// `{"timestamp":…,"level":…,` the event's fields `,"target":…,"span":{…}}` and a line break.
    pub(super) fn json(&self) -> Vec<u8> {
        let mut line = json(self);
        line.push(b'\n');
        line
    }

    /// Time, level, span, target, message and fields, and a line break.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut line = format!("{} {:>5} ", self.timestamp(), self.level).into_bytes();
        if let Some(name) = self.span {
            line.extend(name.bytes());
            push_fields(&mut line, self.span_fields, |_| true);
            line.extend(b": ");
        }
        line.extend(self.target.bytes());
        line.push(b':');
        let message = self.fields.iter().find(|(name, _)| is_message(name));
        if let Some((_, Value::Text(message))) = message {
            line.push(b' ');
            line.extend(escaped(message));
        }
        push_fields(&mut line, Some(self.fields), |name| !is_message(name));
        line.push(b'\n');
        line
    }

    fn timestamp(&self) -> String {
        self.time.to_rfc3339_opts(SecondsFormat::Micros, true)
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("timestamp", &self.timestamp())?;
        line.serialize_entry("level", self.level.as_str())?;
        for (name, value) in self.fields.iter() {
            line.serialize_entry(name, value)?;
        }
        line.serialize_entry("target", self.target)?;
        if let Some(name) = self.span {
            line.serialize_entry("span", &Span(name, self.span_fields))?;
        }
        line.end()
    }
}

struct Span<'a>(&'a str, Option<&'a Fields>);

impl Serialize for Span<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(name, fields) = self;
        let mut span = serializer.serialize_map(None)?;
        for (name, value) in fields.iter().flat_map(|fields| fields.iter()) {
            span.serialize_entry(name, value)?;
        }
        span.serialize_entry("name", name)?;
        span.end()
    }
}

fn is_message(name: &str) -> bool {
    name == "message"
}

fn push_fields(line: &mut Vec<u8>, fields: Option<&Fields>, which: impl Fn(&str) -> bool) {
    for (name, value) in fields.iter().flat_map(|fields| fields.iter()) {
        if which(name) {
            line.push(b' ');
            line.extend(name.bytes());
            line.push(b'=');
            line.extend(json(value));
        }
    }
}

/// The text as JSON has it, without the quotes: on one line, without control characters.
fn escaped(text: &str) -> Vec<u8> {
    let quoted = json(text);
    quoted[1..quoted.len() - 1].to_vec()
}

fn json(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Escaping);
    value
        .serialize(&mut serializer)
        .expect("strings, numbers and maps with string keys always serialize");
    bytes
}

/// Compact JSON that also escapes what breaks readers of logs: control characters beyond ASCII's first 32, line
/// separators, and the marks that change the direction of text.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain = 0;
        for (at, character) in fragment.char_indices().filter(|(_, c)| is_unsafe(*c)) {
            writer.write_all(&fragment.as_bytes()[plain..at])?;
            write!(writer, "\\u{:04x}", u32::from(character))?;
            plain = at + character.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn m9_characters_that_break_readers_are_escaped_and_read_back_unchanged() {
        let text = "a\u{7f}\u{85}\u{9f}\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}\u{feff}\n\"\\ü😀";
        let line = String::from_utf8(json(text)).expect("JSON is UTF-8");
        let expected = r#""a\u007f\u0085\u009f\u2028\u2029\u202e\u2066\u200f\ufeff\n\"\\ü😀""#;
        assert_eq!(line, expected);
        assert_eq!(serde_json::from_str::<String>(&line).expect("JSON"), text);
    }

    proptest! {
        #[test]
        fn h1_whatever_is_logged_is_one_line_of_json(text in any::<String>()) {
            let line = json(&text);
            let read: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
            prop_assert_eq!(read, json!(text));
            let unsafe_character = |c: char| c.is_control() || is_unsafe(c);
            prop_assert!(!String::from_utf8_lossy(&line).contains(unsafe_character));
        }
    }
}
