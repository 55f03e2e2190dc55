//! Finds the blank line that ends the head of a request.

/// What the last bytes were, as far as they may be part of a blank line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum LineEnds {
    /// Within a line.
    #[default]
    Within,
    /// At the beginning of a line.
    NewLine,
    /// After a carriage return at the beginning of a line.
    Return,
    /// After a blank line.
    Blank,
}

impl LineEnds {
    /// How many of these bytes belong to the head in progress: all, or those up to the end of a blank line. The parser
    /// takes a line feed alone for the end of a line, so this does, too.
    pub(super) fn through_head(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            *self = match (*self, byte) {
                (Self::NewLine | Self::Return, b'\n') => Self::Blank,
                (_, b'\n') => Self::NewLine,
                (Self::NewLine, b'\r') => Self::Return,
                _ => Self::Within,
            };
            if *self == Self::Blank {
                return index + 1;
            }
        }
        bytes.len()
    }

    /// Follows bytes in which blank lines may be anywhere.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.through_head(bytes)..];
        }
    }

    /// Whether the last byte ends a blank line. So does a whole head, and a chunked message; half a head does not.
    pub(super) fn are_at_blank_line(self) -> bool {
        self == Self::Blank
    }
}
