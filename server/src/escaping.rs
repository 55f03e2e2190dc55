//! Characters of somebody else's text that break terminals and readers of logs.

use std::{borrow::Cow, fmt::Write};

/// Control characters beyond ASCII's first 32, line separators, and invisible marks, such as those that change the
/// direction of text. All are in the Basic Multilingual Plane, so that one `\u` escape writes each.
pub(crate) fn is_unsafe(character: char) -> bool {
    matches!(
        character,
        '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
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
                _ = write!(escaped, "\\u{:04x}", u32::from(character));
            }
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}
