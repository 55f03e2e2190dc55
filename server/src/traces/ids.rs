//! The ids of traces and spans.

use std::fmt;

/// The id of a trace: 16 bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceId(pub(super) u128);

/// The id of a span: 8 bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpanId(pub(super) u64);

impl TraceId {
    /// The id of these random bytes.
    pub(super) fn of(random: [u8; 16]) -> Self {
        // All zero is no id. That it comes up is as likely as any other.
        Self(u128::from_be_bytes(random).max(1))
    }

    /// The id that 32 lower-case hexadecimal digits spell.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = digits(text, 32)?;
        let id = u128::from_str_radix(digits, 16).ok()?;
        (id != 0).then_some(Self(id))
    }
}

impl SpanId {
    /// The id of these random bytes.
    pub(super) fn of(random: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(random).max(1))
    }

    /// The id that 16 lower-case hexadecimal digits spell.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = digits(text, 16)?;
        let id = u64::from_str_radix(digits, 16).ok()?;
        (id != 0).then_some(Self(id))
    }
}

/// The text, if it has so many lower-case hexadecimal digits and nothing else.
pub(super) fn digits(text: &str, count: usize) -> Option<&str> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == count && text.bytes().all(is_digit)).then_some(text)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
