//! `serve`: runs the service until SIGTERM or SIGINT.

use std::{io, time::Duration};

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    context::{CliError, Context},
    report::Report,
};
use crate::{
    log,
    service::{self, Service},
    stripe::Resolver,
};

/// The signals that service managers send.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn subscribe() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT. SIGHUP would end the process and lose requests, so it is received and ignored.
    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {
                    tracing::warn!("SIGHUP is ignored: restart the service to apply changed settings");
                }
            }
        }
    }
}

/// How long the end waits for the reader of the log. Service managers wait 10 s or more in all, and a reader that works
/// needs milliseconds.
const LOG_FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn serve(context: &Context<'_>) -> Result<Report, CliError> {
    turn_off_core_dumps();
    let config = context.serve_config()?;
    let failed = |what: &str, error: io::Error| CliError::Other(format!("{what}: {error}"));
    log::init(config.log_filter.clone(), config.log_format)
        .map_err(|error| failed("log", error))?;
    let signals = Signals::subscribe().map_err(|error| failed("signals", error))?;
    let started = service::start(&config, context.clock.clone(), Resolver::default()).await;
    let report = match started {
        Ok(service) => Ok(run_until_signal(service, signals).await),
        Err(error) => Err(error.into()),
    };
    log::flush(LOG_FLUSH_TIMEOUT);
    report
}

/// A core dump would hold keys and Stripe's secret. Lowering a limit of one's own is always allowed.
fn turn_off_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    _ = setrlimit(Resource::Core, none);
}

/// Runs until the first signal, then drains. A second signal stops the drain, and the exit status says so.
async fn run_until_signal(service: Service, mut signals: Signals) -> Report {
    signals.next().await;
    let drained = tokio::select! {
        () = service.drain() => true,
        () = signals.next() => false,
    };
    if !drained {
        tracing::error!("second signal: stopped without draining");
    }
    Report {
        failed: !drained,
        ..Report::default()
    }
}
