//! Writes the fields of an event, and those of the request that it belongs to, straight into a line.

use std::{fmt, net::IpAddr};

use tracing::field::{Field, Visit};

use super::value;
use crate::config::LogFormat;

/// The field that marks an event which a person must look at.
pub(super) const ALERT: &str = "alert";
/// The field of an event's text.
const MESSAGE: &str = "message";

/// What every line of a request says about the request.
pub(crate) trait RequestFields: Send + Sync {
    /// Writes the fields.
    fn write(&self, fields: &mut FieldWriter<'_>);
}

/// Appends fields to a line, in its format.
pub(crate) struct FieldWriter<'a> {
    line: &'a mut Vec<u8>,
    format: LogFormat,
    is_first: bool,
    is_alert: bool,
}

impl<'a> FieldWriter<'a> {
    /// Appends to what the line has; `is_first` if that is the beginning of an object.
    pub(super) fn new(line: &'a mut Vec<u8>, format: LogFormat, is_first: bool) -> Self {
        Self {
            line,
            format,
            is_first,
            is_alert: false,
        }
    }

    /// Whether a person must look at the event whose fields were written.
    pub(super) fn is_alert(&self) -> bool {
        self.is_alert
    }

    /// Appends text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        value::push_text(self.line, text);
    }

    /// Appends a word of our own: short, and of letters, digits, `_` and `:` alone.
    pub(crate) fn word(&mut self, name: &str, word: &str) {
        self.name(name);
        value::push_word(self.line, word);
    }

    /// Appends an address.
    pub(crate) fn address(&mut self, name: &str, address: IpAddr) {
        self.name(name);
        self.line.push(b'"');
        value::push_bare_address(self.line, address);
        self.line.push(b'"');
    }

    fn literal(&mut self, name: &str, literal: impl fmt::Display) {
        self.name(name);
        value::push_literal(self.line, literal);
    }

    /// Names are words of the source, so that they need no escapes.
    fn name(&mut self, name: &str) {
        match self.format {
            LogFormat::Json => {
                if !self.is_first {
                    self.line.push(b',');
                }
                self.line.push(b'"');
                self.line.extend_from_slice(name.as_bytes());
                self.line.extend_from_slice(b"\":");
            }
            LogFormat::Text => {
                self.line.push(b' ');
                self.line.extend_from_slice(name.as_bytes());
                self.line.push(b'=');
            }
        }
        self.is_first = false;
    }

    /// As text an event's message has no name and no quotes. It is the first field of its event.
    fn is_bare(&self, field: &Field) -> bool {
        matches!(self.format, LogFormat::Text) && field.name() == MESSAGE
    }
}

impl Visit for FieldWriter<'_> {
    fn record_debug(&mut self, field: &Field, debugged: &dyn fmt::Debug) {
        if self.is_bare(field) {
            self.line.push(b' ');
            return value::push_bare_formatted(self.line, format_args!("{debugged:?}"));
        }
        self.name(field.name());
        value::push_formatted(self.line, format_args!("{debugged:?}"));
    }

    fn record_str(&mut self, field: &Field, text: &str) {
        if self.is_bare(field) {
            self.line.push(b' ');
            return value::push_bare_text(self.line, text);
        }
        self.text(field.name(), text);
    }

    fn record_bool(&mut self, field: &Field, truth: bool) {
        self.is_alert |= truth && field.name() == ALERT;
        self.literal(field.name(), truth);
    }

    fn record_i64(&mut self, field: &Field, number: i64) {
        self.literal(field.name(), number);
    }

    fn record_u64(&mut self, field: &Field, number: u64) {
        self.name(field.name());
        value::push_number(self.line, number);
    }

    fn record_f64(&mut self, field: &Field, number: f64) {
        // JSON has neither infinities nor NaN.
        if number.is_finite() {
            self.literal(field.name(), number);
        } else {
            self.name(field.name());
            self.line.extend_from_slice(b"null");
        }
    }
}
