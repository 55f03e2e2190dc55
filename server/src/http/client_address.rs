//! The address of a client, and the part of it that limits count.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use poem::{Request, http::HeaderMap, web::RemoteAddr};
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
        Some(self.address_behind(peer, request.headers()))
    }

    fn address_behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.contains(peer) {
            return peer;
        }
        let forwarded = headers.get_all("x-forwarded-for").iter().rev();
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
        client
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

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn proxies() -> TrustedProxies {
        let networks = ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"];
        let networks = networks.map(|network| network.parse().expect("a network"));
        let unreadable = IntCounter::new("unreadable", "unreadable").expect("a counter");
        TrustedProxies::new(networks.to_vec(), unreadable)
    }

    fn addresses() -> impl Strategy<Value = IpAddr> {
        let own = "10[.]0[.]0[.][1-9]".prop_map(|text| text.parse().expect("an address"));
        prop_oneof![
            own,
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 16]>().prop_map(IpAddr::from)
        ]
    }

    /// An address in one of the spellings of proxies.
    fn spelled(address: IpAddr, spelling: u8, port: u16) -> String {
        match (spelling % 5, address) {
            (0, _) => address.to_string(),
            (1, IpAddr::V4(_)) => format!("{address}:{port}"),
            (1, IpAddr::V6(_)) => format!("[{address}]:{port}"),
            (2, _) => format!("[{address}]"),
            (3, _) => format!(" {address}\t"),
            _ => format!(", {address} ,"),
        }
    }

    fn headers(lines: &[Vec<u8>]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append("x-forwarded-for", value);
            }
        }
        headers
    }

    proptest! {
        #[test]
        fn the_client_is_the_last_address_that_no_proxy_reported(
            hops in prop::collection::vec((addresses(), any::<u8>(), any::<u16>()), 0..6),
            invented in prop::collection::vec(any::<u8>(), 0..40),
            split in any::<bool>(),
        ) {
            let proxies = proxies();
            let written: Vec<String> = hops.iter().map(|(address, spelling, port)| spelled(*address, *spelling, *port)).collect();
            let lines = if split { written } else { vec![written.join(",")] };
            let lines: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
            let canonical = hops.iter().map(|(address, ..)| address.to_canonical());
            let outside = canonical.clone().rev().find(|address| !proxies.contains(*address));
            let expected = outside.or_else(|| canonical.clone().next()).unwrap_or(PROXY);
            prop_assert_eq!(proxies.address_behind(PROXY, &headers(&lines)), expected);
            // What a client wrote before that changes nothing.
            if outside.is_some() {
                let lines = [vec![invented], lines].concat();
                prop_assert_eq!(proxies.address_behind(PROXY, &headers(&lines)), expected);
            }
        }

        #[test]
        fn whatever_is_forwarded_only_a_written_address_or_the_peer_is_the_client(
            line in prop::collection::vec(any::<u8>(), 0..60),
            text in "[0-9a-f.:,\\[\\] ]{0,60}",
            peer in addresses(),
        ) {
            let proxies = proxies();
            let both = headers(&[line, text.clone().into_bytes()]);
            let client = proxies.address_behind(peer, &both);
            if !proxies.contains(peer) {
                prop_assert_eq!(client, peer);
            }
            prop_assert_eq!(rate_limit_key(rate_limit_key(client)), rate_limit_key(client));
        }
    }
}
