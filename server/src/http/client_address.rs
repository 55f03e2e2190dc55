//! The address of a client, and the part of it that limits count.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use poem::{Request, web::RemoteAddr};
use prometheus::IntCounter;

use super::sampling::Sampler;

/// The proxies whose `X-Forwarded-For` the service trusts.
#[derive(Debug)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    unreadable: IntCounter,
    warnings: Sampler,
}

impl TrustedProxies {
    /// Proxies in these networks; `unreadable` counts the headers of theirs that cannot be read.
    pub(crate) fn new(networks: Vec<IpNet>, unreadable: IntCounter) -> Self {
        Self {
            networks,
            unreadable,
            warnings: Sampler::default(),
        }
    }

    /// The peer's address. If the peer is a trusted proxy: the last address that no trusted proxy reported.
    ///
    /// `None` only for a connection without an IP address.
    pub(crate) fn client_address(&self, request: &Request) -> Option<IpAddr> {
        let RemoteAddr(peer) = request.remote_addr();
        let peer = peer.as_socket_addr()?.ip().to_canonical();
        if !self.contains(peer) {
            return Some(peer);
        }
        let forwarded = request.headers().get_all("x-forwarded-for").iter().rev();
        // As bytes: a line that is not text must end the chain, not vanish from it.
        let hops = forwarded.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        let mut client = peer;
        for hop in hops.map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty()) {
            let Some(address) = read_hop(hop) else {
                self.report_unreadable(peer);
                break;
            };
            client = address;
            if !self.contains(client) {
                break;
            }
        }
        Some(client)
    }

    /// Whether a connection comes from a trusted proxy.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// The text itself is not logged: a client may have written it.
    fn report_unreadable(&self, proxy: IpAddr) {
        self.unreadable.inc();
        if let Some(left_out) = self.warnings.count() {
            tracing::warn!(
                event = "forwarded_for_unreadable",
                %proxy,
                left_out,
                "X-Forwarded-For of a trusted proxy cannot be read: limits count its requests by the last address that can be"
            );
        }
    }
}

/// An address as proxies write it: of version 4 or 6, in brackets or not, with a port or without.
fn read_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?;
    let address = hop.parse::<IpAddr>().ok();
    let address = address.or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address
        .or_else(|| in_brackets(hop))
        .or_else(|| before_port(hop))
        .map(|address| address.to_canonical())
}

/// `[address]`, or a version 4 address in brackets with a port, which the standard library does not read.
fn in_brackets(hop: &str) -> Option<IpAddr> {
    let (address, port) = hop.strip_prefix('[')?.split_once(']')?;
    let has_good_port = port.is_empty() || is_port(port.strip_prefix(':')?);
    has_good_port.then(|| address.parse().ok())?
}

/// Eight groups of a version 6 address and a ninth, which is then the port.
fn before_port(hop: &str) -> Option<IpAddr> {
    let (address, port) = hop.rsplit_once(':')?;
    is_port(port).then_some(())?;
    address.parse::<Ipv6Addr>().ok().map(IpAddr::from)
}

fn is_port(text: &str) -> bool {
    !text.starts_with('+') && text.parse::<u16>().is_ok()
}

/// What the limits count a client by: an IPv4 address, or the /64 of an IPv6 address, because one customer of a
/// provider is assigned a whole /64.
pub(crate) fn rate_limit_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
