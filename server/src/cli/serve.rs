//! `serve`: runs the service until SIGTERM or SIGINT, and reloads its settings on SIGHUP.

mod notify;
mod signals;

use std::{convert::Infallible, io, time::Duration};

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::signal::unix::Signal;

use self::{notify::Notifier, signals::StopSignals};
use super::{
    context::{CliError, Context},
    reload::{self, socket::ReloadRequests},
    report::Report,
};
use crate::{
    log,
    service::{self, Service},
    stripe::Resolver,
};

/// How long the end waits for the reader of the log. Service managers wait 10 s or more in all, and a reader that works
/// needs milliseconds.
const LOG_FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Where requests for a reload come from, and who is told of them.
struct Reloads<'a, 'c> {
    context: &'a Context<'c>,
    hangup: Signal,
    requests: ReloadRequests,
    notifier: Notifier,
}

pub(super) async fn serve(context: &Context<'_>) -> Result<Report, CliError> {
    turn_off_core_dumps();
    let config = context.serve_config()?;
    let failed = |what: &str, error: io::Error| CliError::Other(format!("{what}: {error}"));
    log::init(config.log_filter.clone(), config.log_format)
        .map_err(|error| failed("log", error))?;
    let (stop, hangup) = subscribe().map_err(|error| failed("signals", error))?;
    // From before it is ready, so that a reload is possible as soon as it is. Port 0 becomes known only with the start.
    let address = config.operations_listen;
    let requests = (address.port() != 0).then(|| ReloadRequests::listen(address));
    let started = service::start(&config, context.clock.clone(), Resolver::default()).await;
    let report = match started {
        Ok(service) => {
            let socket = context.variables.get(notify::VARIABLE);
            let reloads = Reloads {
                context,
                hangup,
                requests: requests
                    .unwrap_or_else(|| ReloadRequests::listen(service.operations_address())),
                notifier: Notifier::new(socket.map(String::as_str), context.clock.clone()),
            };
            Ok(run_until_signal(service, stop, reloads).await)
        }
        Err(error) => Err(error.into()),
    };
    log::flush(LOG_FLUSH_TIMEOUT);
    report
}

fn subscribe() -> io::Result<(StopSignals, Signal)> {
    signals::ignore_others()?;
    Ok((StopSignals::subscribe()?, signals::subscribe_reload()?))
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
async fn run_until_signal(
    mut service: Service,
    mut stop: StopSignals,
    mut reloads: Reloads<'_, '_>,
) -> Report {
    tokio::select! {
        () = stop.next() => {}
        never = reloads.follow(&mut service) => match never {},
    }
    reloads.notifier.stopping();
    let drained = tokio::select! {
        () = service.drain() => true,
        () = stop.next() => false,
    };
    if !drained {
        tracing::error!("second signal: stopped without draining");
    }
    Report {
        failed: !drained,
        ..Report::default()
    }
}

impl Reloads<'_, '_> {
    /// Reports that the service is ready, then reloads as often as it is asked to, one reload after the other.
    async fn follow(&mut self, service: &mut Service) -> Infallible {
        service.started().await;
        self.notifier.ready(service.generation());
        loop {
            let request = tokio::select! {
                _ = self.hangup.recv() => None,
                request = self.requests.next() => Some(request),
            };
            self.notifier.reloading();
            let loaded = self.context.reloaded_config().await;
            let reloaded = service.reload(loaded).await;
            let generation = service.generation();
            match &reloaded {
                Ok(_) => self.notifier.ready(generation),
                Err(_) => self.notifier.reload_refused(generation),
            }
            if let Some(request) = request {
                request.answer(&reload::answer(&reloaded, generation)).await;
            }
        }
    }
}
