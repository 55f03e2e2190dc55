//! The values of an event or a span, made safe to log as they are recorded.

use std::fmt::{self, Write};

use serde::Serialize;
use tracing::field::{Field, Visit};

use crate::redaction::redact;

/// The longest value of a field in a line, in bytes with its mark. Ids, origins and causes are shorter; what is longer is text
/// that somebody else chose, and the beginning identifies it.
const MAX_VALUE_BYTES: usize = 256;
/// What stands at the end of a value that was cut.
const CUT: &str = "…[cut]";

/// The field that marks an event which a person must look at.
pub(super) const ALERT: &str = "alert";

/// The fields of one event or span, in the order in which they were recorded.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

/// A value that is safe to log.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Value {
    /// Text, cut and without secrets.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A number.
    Signed(i64),
    /// A number that is not negative.
    Unsigned(u64),
    /// A number with a fraction.
    Float(f64),
}

impl Fields {
    /// Names and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// Whether a person must look at the event.
    pub(super) fn is_alert(&self) -> bool {
        self.iter()
            .any(|field| matches!(field, (ALERT, Value::Bool(true))))
    }

    /// A field that is recorded again gets the later value, so that no name occurs twice.
    fn set(&mut self, field: &Field, value: Value) {
        let name = field.name();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Beginning::default();
        // The value stops being formatted once it is longer than what is logged of it.
        _ = write!(text, "{value:?}");
        self.set(field, Value::Text(loggable(&text.0)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, Value::Text(loggable(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Value::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, Value::Unsigned(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Value::Float(value));
    }
}

/// The text, cut to [`MAX_VALUE_BYTES`] and without secrets. It is cut first, so that the search costs little.
fn loggable(text: &str) -> String {
    let beginning = &text[..text.floor_char_boundary(MAX_VALUE_BYTES)];
    let mut value = redact(beginning).into_owned();
    if beginning.len() < text.len() || value.len() > MAX_VALUE_BYTES {
        value.truncate(value.floor_char_boundary(MAX_VALUE_BYTES - CUT.len()));
        value.push_str(CUT);
    }
    value
}

/// Collects text until there is more of it than is logged.
#[derive(Default)]
struct Beginning(String);

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (MAX_VALUE_BYTES + 1).saturating_sub(self.0.len());
        if room == 0 {
            return Err(fmt::Error);
        }
        // One character more than fits, so that it is seen that the text is longer.
        self.0.push_str(&text[..text.ceil_char_boundary(room)]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_a_long_value_is_cut_to_its_bound_with_a_mark() {
        #[rustfmt::skip]
        let rows = [
            ("x".repeat(256), "x".repeat(256), "as long as allowed"),
            ("x".repeat(257), format!("{}{CUT}", "x".repeat(248)), "one byte too long"),
            ("ü".repeat(5_000), format!("{}{CUT}", "ü".repeat(124)), "not inside of a character"),
            (format!("{} sk_live_abcdef", "x".repeat(250)), format!("{}{CUT}", "x".repeat(248)), "cut inside of a secret"),
            ("sk_live_x ".repeat(25), format!("{}[redac{CUT}", "[redacted] ".repeat(22)), "made longer by what replaces secrets"),
        ];
        for (text, expected, why) in rows {
            let value = loggable(&text);
            assert_eq!(value, expected, "{why}");
            assert!(value.len() <= MAX_VALUE_BYTES, "{why}");
        }
    }

    #[test]
    fn c1_a_value_is_formatted_only_as_far_as_it_is_logged() {
        struct Endless;
        impl fmt::Debug for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("endless ")?;
                }
            }
        }
        let mut text = Beginning::default();
        _ = write!(text, "{Endless:?}");
        assert!(text.0.len() > MAX_VALUE_BYTES && text.0.len() < MAX_VALUE_BYTES + 8);
    }
}
