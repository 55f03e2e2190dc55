//! The W3C trace context of a caller: what is sent of it.

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The length of version 00; later versions may add parts.
const LENGTH: usize = 55;

/// The two headers, as far as they are valid. Their values may be a visitor's, so `Debug` does not show them.
#[derive(Clone, Debug, Default)]
pub(crate) struct TraceContext {
    traceparent: Option<HeaderValue>,
    tracestate: Option<HeaderValue>,
}

impl TraceContext {
    /// A value that W3C does not accept leaves the context without one.
    pub(crate) fn set_traceparent(&mut self, value: &[u8]) {
        self.traceparent = unprinted(value).filter(|_| is_traceparent(value));
    }

    /// What it means is the vendors' business; only what HTTP does not allow is dropped.
    pub(crate) fn set_tracestate(&mut self, value: &[u8]) {
        let is_text = value.first().is_some_and(u8::is_ascii_graphic)
            && value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        self.tracestate = unprinted(value).filter(|_| is_text);
    }

    /// `tracestate` means nothing without its `traceparent`.
    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        if let Some(traceparent) = self.traceparent {
            headers.insert(TRACEPARENT, traceparent);
            headers.extend(self.tracestate.map(|value| (TRACESTATE, value)));
        }
    }
}

fn unprinted(value: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Version, trace, parent and flags in small hexadecimal digits, and in versions after 00 perhaps more.
fn is_traceparent(value: &[u8]) -> bool {
    let Some((known, more)) = value.split_at_checked(LENGTH) else {
        return false;
    };
    let parts: Vec<_> = known.split(|byte| *byte == b'-').collect();
    let [version, trace, parent, flags] = parts[..] else {
        return false;
    };
    let lengths = [version, trace, parent, flags].map(<[u8]>::len);
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
    lengths == [2, 32, 16, 2]
        && parts.iter().all(|part| part.iter().all(is_hex))
        && version != b"ff"
        && !is_zero(trace)
        && !is_zero(parent)
        && is_continuation(version, more)
}

fn is_continuation(version: &[u8], more: &[u8]) -> bool {
    more.is_empty() || version != b"00" && more[0] == b'-' && more.iter().all(u8::is_ascii_graphic)
}
