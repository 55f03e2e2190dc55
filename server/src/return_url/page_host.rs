//! Which hosts no page can have.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::Host;

/// The longest name and the longest part of one that DNS allows (RFC 1035).
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;
/// The first address that is reserved for the future (RFC 1112).
const FIRST_RESERVED: Ipv4Addr = Ipv4Addr::new(240, 0, 0, 0);

/// Why no page can have this host, if none can. A name is in the form that the parser writes: lower case, punycode.
pub(crate) fn impossible_host(host: &Host<&str>) -> Option<&'static str> {
    match host {
        Host::Domain(name) => impossible_name(name),
        Host::Ipv4(address) => {
            is_no_computer(*address).then_some("is not the address of a computer")
        }
        Host::Ipv6(address) => {
            let is_none = *address == Ipv6Addr::UNSPECIFIED || address.is_multicast();
            is_none.then_some("is not the address of a computer")
        }
    }
}

fn is_no_computer(address: Ipv4Addr) -> bool {
    // 0.0.0.0/8 is "this network" (RFC 791).
    address.octets()[0] == 0 || address.is_multicast() || address >= FIRST_RESERVED
}

fn impossible_name(name: &str) -> Option<&'static str> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let has_wrong_length = |label: &str| !(1..=MAX_LABEL_BYTES).contains(&label.len());
    if name.contains('*') {
        Some("has a wildcard; list each host")
    } else if !name.bytes().all(is_letter) {
        Some("has a character that no host name has")
    } else if name.split('.').any(has_wrong_length) {
        Some("has a part that is empty or longer than 63 characters")
    } else if name.len() > MAX_NAME_BYTES {
        Some("is longer than 253 characters")
    } else if name.rsplit('.').next() == Some("invalid") {
        Some("ends with .invalid, which no host has (RFC 2606)")
    } else {
        None
    }
}
