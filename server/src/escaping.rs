//! Characters of somebody else's text that break terminals and readers of logs.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

/// Control characters beyond ASCII's first 32, line separators, and what nobody sees: Unicode's characters that are to be
/// ignored by default, such as marks that change the direction of text, tags and fillers, and the marks of annotations.
/// Two are left out: the variation selectors that make text or emoji of a character, without which emoji cannot be read.
pub(crate) fn is_unsafe(character: char) -> bool {
    matches!(
        character,
        '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// A character as JSON escapes it: one `\u` with four digits, or two beyond the Basic Multilingual Plane.
pub(crate) struct Escaped(pub(crate) char);

impl fmt::Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut units = [0; 2];
        let units = self.0.encode_utf16(&mut units);
        units.iter().try_for_each(|unit| write!(f, "\\u{unit:04x}"))
    }
}

/// One field of text for a terminal: nothing in it moves the cursor, begins a line or another field, or changes the
/// direction.
pub(crate) fn printable_field(text: &str) -> Cow<'_, str> {
    escape(text, |character| {
        character.is_control() || is_unsafe(character)
    })
}

/// Text of several fields and lines for a terminal.
pub(crate) fn printable_text(text: &str) -> Cow<'_, str> {
    escape(text, |character| {
        !matches!(character, '\n' | '\t') && (character.is_control() || is_unsafe(character))
    })
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' if is_escaped('\n') => escaped.push_str("\\n"),
            '\t' if is_escaped('\t') => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            _ if is_escaped(character) => {
                _ = write!(escaped, "{}", Escaped(character));
            }
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m9_every_character_that_nobody_sees_is_unsafe() {
        let unsafe_ones = [
            '\u{85}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{202e}',
            '\u{2060}',
            '\u{2065}',
            '\u{3164}',
            '\u{fe00}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0100}',
            '\u{e01ef}',
        ];
        for character in unsafe_ones {
            assert!(is_unsafe(character), "{}", Escaped(character));
        }
        // Also white space that is seen, combining marks, and what emoji consist of.
        for character in "aß\u{a0}e\u{301}\u{2014}\u{3000}\u{1100}\u{fe0e}\u{fe0f}\u{fffc}\u{fffd}❤😀\u{1f3fd}\u{1f1e9}".chars() {
            assert!(!is_unsafe(character), "{}", Escaped(character));
        }
    }

    #[test]
    fn s12_what_is_escaped_for_a_terminal_reads_back_as_json() {
        #[rustfmt::skip]
        let rows = [
            ("a\u{ad}b", "a\\u00adb"),
            ("a\u{e0041}\u{e007f}", "a\\udb40\\udc41\\udb40\\udc7f"),
            ("\u{180e}\u{fffb}\u{e0100}", "\\u180e\\ufffb\\udb40\\udd00"),
            ("❤\u{fe0f}😀", "❤\u{fe0f}😀"),
        ];
        for (text, expected) in rows {
            assert_eq!(printable_field(text), expected);
            assert_eq!(printable_text(text), expected);
            let read: String = serde_json::from_str(&format!("\"{expected}\"")).expect("JSON");
            assert_eq!(read, text);
        }
    }
}
