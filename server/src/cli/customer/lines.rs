//! Numbers the lines of a text as editors do: after CR LF, LF, or a CR alone, the next line begins.

/// The lines of a text, counted from its beginning to its end.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    /// Up to where line breaks are counted.
    counted: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    /// The lines of a text whose first one has this number.
    pub(super) fn new(text: &'a [u8], first: u64) -> Self {
        Self {
            text,
            counted: 0,
            line: first,
        }
    }

    /// The line of the byte at this position, which is not before an earlier one.
    pub(super) fn at(&mut self, position: usize) -> u64 {
        let position = position.min(self.text.len());
        for index in self.counted..position {
            self.line += u64::from(self.is_break(index));
        }
        self.counted = self.counted.max(position);
        self.line
    }

    /// The line of a row of CSV that the parser begins at this position: after the CR of a CR LF, and before lines that
    /// are empty.
    pub(super) fn of_row(&mut self, position: usize) -> u64 {
        let rest = self.text.get(position..).unwrap_or_default();
        let begin = rest.iter().position(|byte| !b"\r\n".contains(byte));
        self.at(position + begin.unwrap_or_default())
    }

    fn is_break(&self, index: usize) -> bool {
        match self.text[index] {
            b'\r' => true,
            b'\n' => index == 0 || self.text[index - 1] != b'\r',
            _ => false,
        }
    }
}
