//! `serve`: runs the service until SIGTERM or SIGINT.

use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Report, Session};
use crate::{Resolver, log};

pub(super) async fn serve(session: &Session) -> Result<Report, Failure> {
    let config = session.serving_config()?;
    log::init(config.settings());
    let refused = |error: std::io::Error| Failure::Other(format!("signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    let service = crate::start(&config, session.clock.clone(), Resolver::default()).await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::select! {
        () = service.drain() => Ok(Report::nothing()),
        _ = terminate.recv() => Err(Failure::Other("ended at once, at the second signal".to_owned())),
        _ = interrupt.recv() => Err(Failure::Other("ended at once, at the second signal".to_owned())),
    }
}
