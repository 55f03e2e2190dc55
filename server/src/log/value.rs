//! How a value becomes part of a line: cut, without secrets, and as JSON writes it, whatever the format of the line.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    io::Write as _,
    net::IpAddr,
};

use crate::{
    escaping::{Escaped, is_unsafe},
    redaction::{contains_secret, redact, redact_beginning},
};

/// The longest value of a field in a line, in bytes with its mark. Ids, origins and causes are shorter; what is longer is text
/// that somebody else chose, and the beginning identifies it.
const MAX_VALUE_BYTES: usize = 256;
/// What stands at the end of a value that was cut.
const CUT: &str = "…[cut]";

/// Appends the text as JSON has it, with quotes.
pub(super) fn push_text(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    push_bare_text(line, text);
    line.push(b'"');
}

/// Appends a word of our own, with quotes: it is short, and has neither secrets nor anything to escape.
pub(super) fn push_word(line: &mut Vec<u8>, word: &str) {
    line.push(b'"');
    line.extend_from_slice(word.as_bytes());
    line.push(b'"');
}

/// Appends the text as JSON has it between the quotes: on one line, without control characters.
pub(super) fn push_bare_text(line: &mut Vec<u8>, text: &str) {
    // Most values are short and plain: then a look or two and one copy is all that they cost.
    let class = text
        .bytes()
        .fold(PLAIN, |class, byte| class | CLASSES[usize::from(byte)]);
    if text.len() <= MAX_VALUE_BYTES && (class == PLAIN || class == SIGN && !contains_secret(text))
    {
        line.extend_from_slice(text.as_bytes());
    } else {
        push_escaped(line, &loggable(text));
    }
}

/// Appends what the formatter writes, as text. It stops being formatted once it is longer than what is logged of it.
pub(super) fn push_formatted(line: &mut Vec<u8>, value: fmt::Arguments<'_>) {
    push_text(line, &beginning_of(value));
}

/// The same without quotes.
pub(super) fn push_bare_formatted(line: &mut Vec<u8>, value: fmt::Arguments<'_>) {
    push_bare_text(line, &beginning_of(value));
}

/// Appends a number that every line of a request has, without a formatter.
pub(super) fn push_number(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends another number or a truth value, which JSON writes as Rust does.
pub(super) fn push_literal(line: &mut Vec<u8>, value: impl fmt::Display) {
    // Writing to memory does not fail.
    _ = write!(line, "{value}");
}

/// Appends an address without quotes. Those of version 4 are in nearly every line, so they do without a formatter.
pub(super) fn push_bare_address(line: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        return push_literal(line, address);
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            line.push(b'.');
        }
        if octet >= 100 {
            line.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            line.push(b'0' + octet / 10 % 10);
        }
        line.push(b'0' + octet % 10);
    }
}

fn beginning_of(value: fmt::Arguments<'_>) -> String {
    let mut text = Beginning::default();
    _ = text.write_fmt(value);
    text.0
}

/// The text, cut to [`MAX_VALUE_BYTES`] and without secrets. It is cut first, so that the search costs little.
fn loggable(text: &str) -> Cow<'_, str> {
    let beginning = &text[..text.floor_char_boundary(MAX_VALUE_BYTES)];
    let is_cut = beginning.len() < text.len();
    let value = if is_cut {
        redact_beginning(beginning)
    } else {
        redact(beginning)
    };
    if !is_cut && value.len() <= MAX_VALUE_BYTES {
        return value;
    }
    let mut value = value.into_owned();
    value.truncate(value.floor_char_boundary(MAX_VALUE_BYTES - CUT.len()));
    value.push_str(CUT);
    value.into()
}

/// JSON's escapes, and those of what breaks readers of logs: control characters beyond ASCII's first 32, line
/// separators, and what nobody sees.
fn push_escaped(line: &mut Vec<u8>, text: &str) {
    let mut buffer = [0; 4];
    for character in text.chars() {
        match character {
            '"' => line.extend_from_slice(b"\\\""),
            '\\' => line.extend_from_slice(b"\\\\"),
            '\n' => line.extend_from_slice(b"\\n"),
            '\r' => line.extend_from_slice(b"\\r"),
            '\t' => line.extend_from_slice(b"\\t"),
            _ if character.is_control() || is_unsafe(character) => {
                _ = write!(line, "{}", Escaped(character));
            }
            _ => line.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes()),
        }
    }
}

/// JSON writes the byte as it is.
const PLAIN: u8 = 0;
/// The same, but it may be a part of a secret: each has an underscore, a slash in a URL, or a percent sign for one.
const SIGN: u8 = 1;
/// JSON escapes the byte, or it is not ASCII.
const OTHER: u8 = 2;

/// What each byte is. A table, because every byte of the log is looked up; as bits, because a look without a branch takes
/// half the time.
const CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        classes[byte as usize] = match byte {
            b'"' | b'\\' => OTHER,
            b'_' | b'/' | b'%' => SIGN,
            _ => PLAIN,
        };
        byte += 1;
    }
    classes
};

/// Collects text until there is more of it than is logged.
#[derive(Default)]
struct Beginning(String);

impl fmt::Write for Beginning {
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
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text_of(text: &str) -> String {
        let mut line = Vec::new();
        push_text(&mut line, text);
        String::from_utf8(line).expect("JSON is UTF-8")
    }

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

    /// Wherever the cut is: nothing of the secret after its prefix is in the value.
    #[test]
    fn c1_a_secret_that_the_cut_shortens_is_not_logged() {
        const BODY: &str = "Zk3v9TqLmX7RbY2NcW5dZk3v9TqLmX7RbY2N";
        let prefixes = [
            "am_test_",
            "sk_org_live_",
            "whsec_",
            "rk%255Flive%25%35%46",
            "/p/session/",
        ];
        for prefix in prefixes {
            for padding in 150..260 {
                let text = format!("/{prefix}{BODY}/{}{prefix}{BODY}", "x".repeat(padding));
                let value = loggable(&text);
                assert!(!value.contains("Zk"), "{prefix} {padding}: {value}");
                let formatted = beginning_of(format_args!("{text}"));
                assert_eq!(loggable(&formatted), value);
            }
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
        let text = beginning_of(format_args!("{Endless:?}"));
        assert!(text.len() > MAX_VALUE_BYTES && text.len() < MAX_VALUE_BYTES + 8);
    }

    #[test]
    fn an_address_is_written_as_the_standard_library_writes_it() {
        let texts = [
            "0.0.0.0",
            "1.22.255.100",
            "203.0.113.7",
            "101.99.9.10",
            "::1",
            "2001:db8::ff00:42",
        ];
        for text in texts {
            let mut line = Vec::new();
            push_bare_address(&mut line, text.parse().expect("an address"));
            assert_eq!(String::from_utf8(line).expect("ASCII"), text);
        }
    }

    #[test]
    fn m9_characters_that_break_readers_are_escaped_and_read_back_unchanged() {
        let text = "a\u{7f}\u{85}\u{9f}\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}\u{feff}\u{ad}\u{e0041}\n\"\\ü😀";
        let line = text_of(text);
        let expected = r#""a\u007f\u0085\u009f\u2028\u2029\u202e\u2066\u200f\ufeff\u00ad\udb40\udc41\n\"\\ü😀""#;
        assert_eq!(line, expected);
        assert_eq!(serde_json::from_str::<String>(&line).expect("JSON"), text);
    }

    proptest! {
        #[test]
        fn c1_no_secret_is_taken_for_harmless(
            before in "[ -~]{0,20}[ \"]",
            prefix in "(am|sk|rk)(_|%5F)(live|test)(_|%5f)|whsec_",
            secret in "[0-9A-Za-z]{20}",
        ) {
            let text = format!("{before}{prefix}{secret}");
            prop_assert!(!text_of(&text).contains(&secret));
        }

        #[test]
        fn h1_whatever_is_logged_is_one_line_of_json(text in any::<String>()) {
            let line = text_of(&text);
            let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            prop_assert_eq!(read, json!(loggable(&text)));
            let unsafe_character = |c: char| c.is_control() || is_unsafe(c);
            prop_assert!(!line.contains(unsafe_character));
        }
    }
}
