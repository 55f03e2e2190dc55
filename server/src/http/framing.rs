//! What the HTTP engine accepts although it is not HTTP enough to be routed: two readers could understand it differently,
//! or it is larger than anything that a caller needs.

use std::net::Ipv6Addr;

use poem::{
    Request,
    http::{HeaderMap, HeaderValue, Uri, Version, header, uri::Authority},
};

use super::envelope::Malformed;

/// The longest method that is looked at. HTTP's registered ones have at most 17 characters.
pub(crate) const MAX_METHOD_BYTES: usize = 32;
/// The longest request target. No path of ours has a tenth of it; a caller's query may be long.
const MAX_TARGET_BYTES: usize = 8 * 1024;
/// The largest header section, as proxies usually limit it.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The first fault of a request's framing.
pub(crate) fn fault(request: &Request) -> Option<Malformed> {
    let headers = request.headers();
    if request.method().as_str().len() > MAX_METHOD_BYTES {
        return Some(Malformed::MethodTooLong);
    }
    if target_bytes(request.original_uri()) > MAX_TARGET_BYTES {
        return Some(Malformed::TargetTooLong);
    }
    if header_bytes(headers) > MAX_HEADER_BYTES {
        return Some(Malformed::HeadersTooLarge);
    }
    if !has_one_host(headers, request.version()) {
        return Some(Malformed::Host);
    }
    if !has_simple_transfer_coding(headers) {
        return Some(Malformed::TransferCoding);
    }
    let expected = headers.get(header::EXPECT);
    if expected.is_some_and(|expected| !expected.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Some(Malformed::Expectation);
    }
    None
}

fn target_bytes(target: &Uri) -> usize {
    let path_and_query = target
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    let authority = target.authority().map_or(0, |host| host.as_str().len());
    let scheme = target
        .scheme_str()
        .map_or(0, |scheme| scheme.len() + "://".len());
    scheme + authority + path_and_query
}

fn header_bytes(headers: &HeaderMap) -> usize {
    let line = |name: &str, value: &[u8]| name.len() + value.len() + ": \r\n".len();
    let lines = headers.iter();
    lines
        .map(|(name, value)| line(name.as_str(), value.as_bytes()))
        .sum()
}

/// RFC 9112, 3.2: a request without exactly one valid Host is refused, for two readers may take two targets from it.
fn has_one_host(headers: &HeaderMap, version: Version) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version != Version::HTTP_11,
        (Some(host), None) => is_host(host),
        (Some(_), Some(_)) => false,
    }
}

/// Whether this is a name or an address, with a port or without: nothing else can be a `Host`.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let Ok(authority) = text.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let port = text.strip_prefix(host);
    let has_good_port =
        port.is_some_and(|port| matches!(port, "" | ":")) || authority.port_u16().is_some();
    // The parser takes anything between brackets for an address.
    let has_good_address = host
        .strip_prefix('[')
        .is_none_or(|rest| rest.trim_end_matches(']').parse::<Ipv6Addr>().is_ok());
    !host.is_empty() && !text.contains('@') && has_good_port && has_good_address
}

/// The engine takes `chunked` twice for once; another reader may not.
fn has_simple_transfer_coding(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = codings
        .next()
        .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    is_chunked && codings.next().is_none()
}
