//! Finds the blank line that ends the head of a request.

use memchr::memchr;

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
        let mut index = 0;
        while let Some(byte) = bytes.get(index) {
            *self = match (*self, byte) {
                (Self::NewLine | Self::Return, b'\n') => Self::Blank,
                (_, b'\n') => Self::NewLine,
                (Self::NewLine, b'\r') => Self::Return,
                _ => Self::Within,
            };
            index += 1;
            match *self {
                Self::Blank => return index,
                // Nearly all bytes are within a line: only its end counts.
                Self::Within => {
                    let rest = bytes.len() - index;
                    index += memchr(b'\n', &bytes[index..]).unwrap_or(rest);
                }
                _ => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_its_first_blank_line_wherever_it_is_cut() {
        #[rustfmt::skip]
        let heads = [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\r\nHost:\r\n\r\n",
        ];
        for head in heads {
            for cut in 0..=head.len() {
                let (first, second) = head.split_at(cut);
                let mut ends = LineEnds::default();
                let rest = format!("{second}body\n\n");
                assert_eq!(ends.through_head(first.as_bytes()), cut, "{head:?} {cut}");
                let through = ends.through_head(rest.as_bytes());
                assert_eq!(
                    through,
                    if cut == head.len() { 6 } else { second.len() },
                    "{head:?} {cut}"
                );
                assert_eq!(ends, LineEnds::Blank, "{head:?} {cut}");
            }
        }
    }
}
