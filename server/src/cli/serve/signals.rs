//! The signals that service managers and people send. None of them loses a request.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, and SIGQUIT, which some service managers send for a stop.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl StopSignals {
    pub(super) fn subscribe() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}

/// SIGHUP: reload the settings.
pub(super) fn subscribe_reload() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Ignores the signals that have no meaning here and would end the process otherwise. Once one is received in a process,
/// the system does nothing on it any more.
pub(super) fn ignore_others() -> io::Result<()> {
    let others = [
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::alarm(),
    ];
    for kind in others {
        drop(signal(kind)?);
    }
    Ok(())
}
