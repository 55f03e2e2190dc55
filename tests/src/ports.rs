//! Loopback ports for programs that cannot choose one themselves.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a program may take to listen; a busy machine needs seconds.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Between two tries.
const START_INTERVAL: Duration = Duration::from_millis(20);

/// A loopback port that is free now.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Waits until something listens on the loopback port.
pub fn wait_for_port(port: u16) -> io::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("nothing listens on port {port}")));
        }
        sleep(START_INTERVAL);
    }
    Ok(())
}
