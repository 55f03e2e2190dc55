//! How the host name is found, and where a connection gets to: faults that come before a byte is sent.

use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use billing_portal_server::Resolver;

use super::FaultyStripe;
use super::black_hole;
use super::script::Shared;
use super::step::{Kind, Stage};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Nothing listens here on our port.
const REFUSES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

impl FaultyStripe {
    /// Finds this Stripe, as the script lets it, and no other host.
    pub(crate) fn resolver(&self) -> Resolver {
        let script = self.script.clone();
        Resolver::from_fn(move |host| look_up(host, script.clone()))
    }
}

async fn look_up(host: String, script: Shared) -> io::Result<Vec<IpAddr>> {
    let step = {
        let mut script = script.lock();
        script.hosts.push(host.clone());
        script.next(Stage::LookUp)
    };
    let not_found = || io::Error::other("failed to lookup address information");
    match step.map(|step| step.kind) {
        _ if host != "localhost" => Err(not_found()),
        Some(Kind::DnsNxdomain) => Err(not_found()),
        Some(Kind::DnsHang) => pending().await,
        Some(Kind::Refuse) => Ok(vec![REFUSES.into()]),
        Some(Kind::Blackhole) => Ok(vec![black_hole::ADDRESS.into()]),
        _ => Ok(vec![HERE.into()]),
    }
}
