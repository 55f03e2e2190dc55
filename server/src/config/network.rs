//! Networks of trusted proxies.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, de::Error};

/// The bits before the IPv4 address in an IPv4-mapped IPv6 address, `::ffff:a.b.c.d`.
const MAPPED_PREFIX_LENGTH: u8 = 96;

const BROADCAST: IpAddr = IpAddr::V4(Ipv4Addr::BROADCAST);

/// A list of networks. An address without a mask is a network of one.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let networks = texts.iter().map(|text| parse(text));
    networks
        .collect::<Option<_>>()
        .ok_or_else(|| Error::custom("not a network"))
}

fn parse(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse().ok()?,
    };
    Some(unmapped(network)).filter(|network| !is_of_no_computer(network))
}

/// Such as `0.0.0.0`, which is probably meant as every address. No connection comes from one of these.
fn is_of_no_computer(network: &IpNet) -> bool {
    let address = network.addr();
    let is_one = network.prefix_len() == network.max_prefix_len();
    address.is_multicast() || (is_one && (address.is_unspecified() || address == BROADCAST))
}

/// The service compares peers by their IPv4 address where they have one.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let address = mapped.addr().to_ipv4_mapped();
    let length = mapped.prefix_len().checked_sub(MAPPED_PREFIX_LENGTH);
    match (address, length) {
        (Some(address), Some(length)) => Ipv4Net::new(address, length).map_or(network, IpNet::V4),
        _ => network,
    }
}
