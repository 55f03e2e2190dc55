//! What a terminal gets and a file or a pipe does not: colours, and columns under headers.

use std::collections::BTreeMap;

/// Which of the standard streams are terminals.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Terminals {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Terminals {
    /// Those on which text may be coloured: none if `NO_COLOR` is set (<https://no-color.org>) or the terminal has no
    /// colours.
    pub(super) fn with_colours(self, variables: &BTreeMap<String, String>) -> Self {
        let variable = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
        let allowed = variable("NO_COLOR").is_empty() && variable("TERM") != "dumb";
        Self {
            stdout: self.stdout && allowed,
            stderr: self.stderr && allowed,
        }
    }
}

/// A colour of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// Bold red: something failed.
    Red,
    /// Green: something is as it should be.
    Green,
    /// Yellow: something to do.
    Yellow,
    /// Bold: a name.
    Bold,
}

impl Colour {
    /// The text in this colour, as terminals read it (ECMA-48).
    pub(super) fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Red => "1;31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Words at the beginning of a line, white space aside, and their colours.
pub(super) type Highlights = &'static [(&'static str, Colour)];

/// The text with the first matching beginning of each line in its colour.
pub(super) fn highlight(text: &str, highlights: Highlights) -> String {
    let lines = text.split('\n').map(|line| {
        let words = line.trim_start();
        let indent = &line[..line.len() - words.len()];
        let found = highlights.iter().find_map(|(beginning, colour)| {
            Some((colour.paint(beginning), words.strip_prefix(beginning)?))
        });
        match found {
            Some((painted, rest)) => format!("{indent}{painted}{rest}"),
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Lines of fields between tabs as columns under these headers.
pub(super) fn columns(headers: &[&str], text: &str) -> String {
    let mut rows = vec![headers.iter().map(|header| header.to_uppercase()).collect()];
    let lines = text.lines().filter(|line| !line.is_empty());
    rows.extend(lines.map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>()));
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let fields = rows.iter().filter_map(|row| row.get(column));
        fields
            .map(|field| field.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let lines = rows.iter().map(|row| {
        let fields = row.iter().zip(&widths);
        let fields = fields.map(|(field, width)| format!("{field:<width$}"));
        let line = fields.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
