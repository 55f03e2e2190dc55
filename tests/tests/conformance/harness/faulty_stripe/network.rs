//! How the host name is found, and where a connection gets to: faults that come before a byte is sent.

use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use billing_portal_server::Resolver;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::script::Shared;
use super::step::Kind;
use super::{FaultyStripe, Stage};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Nothing listens here on our port.
const REFUSES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Connections here are never completed.
const SWALLOWS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

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
        Some(Kind::Blackhole) => Ok(vec![SWALLOWS.into()]),
        _ => Ok(vec![HERE.into()]),
    }
}

/// A port whose queue is full, so that the system drops whoever knocks.
pub(super) struct BlackHole {
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    pub(super) async fn open(port: u16) -> Self {
        let address = SocketAddr::from((SWALLOWS, port));
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(address).expect("the port is free there too");
        let listener = socket.listen(1).expect("it can be listened on");
        let mut queue = Vec::new();
        let knock = || timeout(Duration::from_millis(300), TcpStream::connect(address));
        while let Ok(waiting) = knock().await {
            queue.push(waiting.expect("it is accepted into the queue"));
        }
        Self {
            _listener: listener,
            _queue: queue,
        }
    }
}
