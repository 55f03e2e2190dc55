//! Which hosts are this computer.

use url::Host;

/// Whether the host is this computer: `localhost` and every name below it (RFC 6761), also with a final dot,
/// 127.0.0.0/8, `::1`, and the IPv4-mapped form of 127.0.0.0/8.
pub(crate) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let top = name.rsplit('.').next();
            top.is_some_and(|top| top.eq_ignore_ascii_case("localhost"))
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}
