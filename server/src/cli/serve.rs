//! `serve`: runs the service until SIGTERM or SIGINT.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    context::{CliError, Context},
    report::Report,
};
use crate::{log, service, stripe::Resolver};

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn subscribe() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

pub(super) async fn serve(context: &Context) -> Result<Report, CliError> {
    let config = context.serving_config()?;
    log::init(config.settings());
    let signals = Signals::subscribe();
    let mut signals = signals.map_err(|error| CliError::Other(format!("signals: {error}")))?;
    let service = service::start(&config, context.clock.clone(), Resolver::default()).await?;
    signals.next().await;
    tokio::select! {
        () = service.drain() => Ok(Report::default()),
        () = signals.next() => Err(CliError::Other("second signal: stopped without draining".to_owned())),
    }
}
