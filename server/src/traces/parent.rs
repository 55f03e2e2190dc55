//! The caller's span, from the headers `traceparent` and `tracestate` of W3C Trace Context. If `traceparent` is
//! malformed, the request counts as one without it.

use poem::http::HeaderMap;

use super::ids::{SpanId, TraceId, digits};
use crate::redaction::contains_secret;

/// The length of a `traceparent` of version 00. Later versions may append to it.
const LENGTH: usize = 55;
/// The flag by which the caller says that it records the trace.
const SAMPLED: u8 = 1;
/// Entries of a `tracestate`, as the standard limits them.
const MAX_ENTRIES: usize = 32;
/// The longest `tracestate` that is kept, in bytes. The standard asks for 512 at least.
const MAX_STATE_BYTES: usize = 1024;
/// The longest key and the longest value of an entry, in bytes.
const MAX_PART_BYTES: usize = 256;

/// The span of the caller that ours is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    /// Whether the caller records the trace.
    pub(super) sampled: bool,
    /// What tracing systems pass on to each other; empty if there is none, or none that can be read.
    pub(super) state: String,
}

impl Parent {
    /// The caller's span, if the headers name one.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all("traceparent").iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        let (trace, span, flags) = parse(value.to_str().ok()?)?;
        Some(Self {
            trace,
            span,
            sampled: flags & SAMPLED != 0,
            state: state(headers).unwrap_or_default(),
        })
    }
}

/// `version-trace-span-flags`. A version that is not known yet is read as far as this one goes.
fn parse(text: &str) -> Option<(TraceId, SpanId, u8)> {
    let (known, rest) = text.split_at_checked(LENGTH)?;
    let mut parts = known.split('-');
    let version = digits(parts.next()?, 2)?;
    let trace = TraceId::parse(parts.next()?)?;
    let span = SpanId::parse(parts.next()?)?;
    let flags = u8::from_str_radix(digits(parts.next()?, 2)?, 16).ok()?;
    let has_good_end = match version {
        "ff" => false,
        "00" => rest.is_empty(),
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    has_good_end.then_some((trace, span, flags))
}

/// The `tracestate`, which may stand in several headers.
fn state(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all("tracestate").iter();
    let values: Result<Vec<&str>, _> = values.map(|value| value.to_str()).collect();
    let state = values.ok()?.join(",");
    let entries = state.split(',').map(str::trim);
    let entries: Vec<&str> = entries.filter(|entry| !entry.is_empty()).collect();
    let is_good = state.len() <= MAX_STATE_BYTES
        && entries.len() <= MAX_ENTRIES
        && entries.iter().all(|entry| is_entry(entry))
        // It is passed on, and callers may put anything there.
        && !contains_secret(&state);
    is_good.then(|| entries.join(","))
}

fn is_entry(entry: &str) -> bool {
    let Some((key, value)) = entry.split_once('=') else {
        return false;
    };
    let is_key_byte =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let begins_well = key.starts_with(|first: char| first.is_ascii_alphanumeric());
    let is_value_byte = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    begins_well
        && key.len() <= MAX_PART_BYTES
        && key.bytes().all(is_key_byte)
        && (1..=MAX_PART_BYTES).contains(&value.len())
        && value.bytes().all(is_value_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn parent(headers: &[(&'static str, &str)]) -> Option<Parent> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header"));
        }
        Parent::of(&map)
    }

    #[test]
    fn a_traceparent_is_read_or_ignored_as_the_standard_says() {
        let long = format!("00-{TRACE}-{SPAN}-01");
        #[rustfmt::skip]
        let rows = [
            (long.clone(), Some(true), "recorded"),
            (format!("00-{TRACE}-{SPAN}-00"), Some(false), "not recorded"),
            (format!("00-{TRACE}-{SPAN}-03"), Some(true), "another flag too"),
            (format!("00-{TRACE}-{SPAN}-fe"), Some(false), "other flags only"),
            (format!("01-{TRACE}-{SPAN}-01"), Some(true), "a later version"),
            (format!("cc-{TRACE}-{SPAN}-01-what"), Some(true), "a later version with more"),
            (format!("cc-{TRACE}-{SPAN}-01what"), None, "more that is not separated"),
            (format!("00-{TRACE}-{SPAN}-01-what"), None, "version 00 has no more"),
            (format!("{long}-"), None, "nor an empty part"),
            (format!("ff-{TRACE}-{SPAN}-01"), None, "a version that is forbidden"),
            (format!("0-{TRACE}-{SPAN}-01"), None, "a short version"),
            (format!("0x-{TRACE}-{SPAN}-01"), None, "a version of other letters"),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), None, "no trace"),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None, "no span"),
            (long.to_uppercase(), None, "upper case"),
            (format!("00-{}-{SPAN}-01", &TRACE[1..]), None, "a short trace"),
            (format!("00-{TRACE}-{}-01", &SPAN[1..]), None, "a short span"),
            (format!("00-{TRACE}-{SPAN}-1"), None, "short flags"),
            (format!("00-{TRACE}-{SPAN}-zz"), None, "flags of other letters"),
            (format!("00-{TRACE}-{SPAN}"), None, "no flags"),
            (format!("00-+{}-{SPAN}-01", &TRACE[1..]), None, "a sign"),
            (format!("00_{TRACE}_{SPAN}_01"), None, "other separators"),
            (format!("00-{TRACE}{SPAN}-01-----"), None, "parts of other lengths"),
            ("00-ä".repeat(20), None, "bytes outside of ASCII"),
            (String::new(), None, "nothing"),
        ];
        for (value, expected, why) in rows {
            let found = parent(&[("traceparent", &value)]);
            assert_eq!(found.as_ref().map(|found| found.sampled), expected, "{why}");
            if let Some(found) = found {
                let ids = (found.trace.to_string(), found.span.to_string());
                assert_eq!(ids, (TRACE.to_owned(), SPAN.to_owned()), "{why}");
            }
        }
        assert_eq!(parent(&[]), None, "no header");
        let twice = [("traceparent", long.as_str()), ("traceparent", &long)];
        assert_eq!(parent(&twice), None, "two headers");
    }

    #[test]
    fn a_tracestate_is_kept_or_ignored_without_the_traceparent() {
        let traceparent = format!("00-{TRACE}-{SPAN}-01");
        let many: Vec<String> = (0..33).map(|number| format!("k{number}=v")).collect();
        let entry = format!("k={}", "x".repeat(250));
        let long = [entry.as_str(); 5].join(",");
        #[rustfmt::skip]
        let rows: [(&[&str], &str); 12] = [
            (&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
            (&["rojo=1", "congo=2"], "rojo=1,congo=2"),
            (&[" rojo=1 , ,congo=2,"], "rojo=1,congo=2"),
            (&["tenant@vendor=a b"], "tenant@vendor=a b"),
            (&[""], ""),
            (&["rojo"], ""),
            (&["ROJO=1"], ""),
            (&["rojo=1=2"], ""),
            (&["=1"], ""),
            (&[&many.join(",")], ""),
            (&[&long], ""),
            (&["rojo=am_live_0123456789abcdefghij"], ""),
        ];
        for (values, expected) in rows {
            let states = values.iter().map(|value| ("tracestate", *value));
            let headers: Vec<_> = states
                .chain([("traceparent", traceparent.as_str())])
                .collect();
            let found = parent(&headers).expect("the traceparent is good");
            assert_eq!(found.state, expected, "{values:?}");
        }
        assert_eq!(parent(&[("tracestate", "rojo=1")]), None);
    }
}
