//! A text as it is searched for secrets: in any letter case, and percent-decoded wherever it is looked at.

/// The text that is searched.
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> Text<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The byte that stands at `at`, percent-decoded as often as it was encoded, and where the next one begins.
    pub(super) fn decoded(&self, at: usize) -> Option<(u8, usize)> {
        let byte = *self.bytes.get(at)?;
        if byte != b'%' {
            return Some((byte, at + 1));
        }
        let mut digits = at + 1;
        // `%25` is an encoded `%`.
        while self.bytes[digits..].starts_with(b"25") {
            digits += 2;
        }
        let hex = |at: usize| char::from(*self.bytes.get(at)?).to_digit(16);
        match (hex(digits), hex(digits + 1)) {
            (Some(high), Some(low)) => Some((u8::try_from(high * 16 + low).ok()?, digits + 2)),
            _ => Some((byte, at + 1)),
        }
    }

    /// Where the text at `at` continues after `prefix`, if it begins with it, percent-decoded and in lower case.
    pub(super) fn after(&self, mut at: usize, prefix: &[u8]) -> Option<usize> {
        for expected in prefix {
            let (byte, next) = self.decoded(at)?;
            if byte.to_ascii_lowercase() != *expected {
                return None;
            }
            at = next;
        }
        Some(at)
    }

    /// Whether what stands at `at` continues a word. The last digit of an encoded character does not.
    pub(super) fn is_inside_word(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map(|before| self.bytes[before]);
        let encoded = at
            .checked_sub(3)
            .is_some_and(|begin| self.bytes[begin] == b'%');
        before.is_some_and(|byte| byte.is_ascii_alphanumeric()) && !encoded
    }
}
