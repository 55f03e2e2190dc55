//! Text from settings and from the wire.

/// The quotes that shells, files and documents put around a value.
const QUOTES: [char; 11] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '‚', '«', '»'];

/// The text without white space at both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// White space, and the invisible characters that come with copied text: controls, a byte order mark, a zero-width space.
pub(crate) fn is_blank(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "\u{feff}\u{200b}".contains(character)
}

/// Whether a quote begins or ends the text.
pub(crate) fn is_quoted(text: &str) -> bool {
    text.starts_with(QUOTES) || text.ends_with(QUOTES)
}

/// The text with its control characters escaped, so that it cannot start a new line in a log.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
