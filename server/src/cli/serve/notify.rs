//! Reports the service's state to systemd, or to another service manager that sets `NOTIFY_SOCKET` (`sd_notify(3)`).

use std::{
    io,
    os::unix::net::{SocketAddr, UnixDatagram},
};

use crate::clock::Clock;

/// The variable in which the service manager names its socket.
pub(super) const VARIABLE: &str = "NOTIFY_SOCKET";

/// The service manager, if it wants to be notified.
pub(super) struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    clock: Clock,
}

impl Notifier {
    /// The service manager whose socket has this name.
    pub(super) fn new(name: Option<&str>, clock: Clock) -> Self {
        let socket = name.filter(|name| !name.is_empty()).map(open).transpose();
        let socket = socket.unwrap_or_else(|error| {
            tracing::warn!(%error, "the service manager cannot be notified: NOTIFY_SOCKET is unusable");
            None
        });
        Self { socket, clock }
    }

    /// The service accepts requests, with the settings of this generation.
    pub(super) fn ready(&self, generation: u64) {
        self.send(&format!(
            "READY=1\nSTATUS=Ready, with generation {generation} of the settings"
        ));
    }

    /// The service reads its settings. systemd compares the time with that of its own signal.
    pub(super) fn reloading(&self) {
        let time = self.clock.monotonic_microseconds();
        self.send(&format!(
            "RELOADING=1\nMONOTONIC_USEC={time}\nSTATUS=Reading the settings"
        ));
    }

    /// The reload is over, and the settings of this generation stay in use.
    pub(super) fn reload_refused(&self, generation: u64) {
        self.send(&format!(
            "READY=1\nSTATUS=Reload refused, see the log; generation {generation} of the settings stays in use"
        ));
    }

    /// The service finishes the requests in progress, and then ends.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=Finishing the requests in progress");
    }

    fn send(&self, state: &str) {
        let Some((socket, manager)) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), manager) {
            tracing::warn!(%error, "the service manager was not notified");
        }
    }
}

fn open(name: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let manager = address(name)?;
    let socket = UnixDatagram::unbound()?;
    // A service manager that does not read must not hold up the service.
    socket.set_nonblocking(true)?;
    Ok((socket, manager))
}

/// `/path`, or `@name` of the abstract namespace, which only Linux has.
fn address(name: &str) -> io::Result<SocketAddr> {
    match name.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        Some(name) => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name),
        None if name.starts_with('/') => SocketAddr::from_pathname(name),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
