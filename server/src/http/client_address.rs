//! The address of a client, and the part of it that limits count.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use poem::{Request, web::RemoteAddr};

/// The proxies whose `X-Forwarded-For` the service trusts.
#[derive(Debug, Clone)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Proxies in these networks.
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
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
        for hop in hops {
            let hop = std::str::from_utf8(hop).ok();
            let Some(address) = hop.and_then(|hop| hop.trim().parse::<IpAddr>().ok()) else {
                break;
            };
            client = address.to_canonical();
            if !self.contains(client) {
                break;
            }
        }
        Some(client)
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
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
