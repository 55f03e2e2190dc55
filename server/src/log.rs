//! Where log lines go: to standard error, one event a line, in JSON or as text.
//!
//! Callers, payers and Stripe decide what stands in some fields. So every value is cut, searched for secrets and
//! escaped before it becomes part of a line, outside of any lock, at a cost that grows no faster than its length.

mod field;
mod layer;
mod line;
mod redaction;

use tracing_subscriber::{EnvFilter, prelude::*};

use self::layer::LogLayer;
use crate::{audit, clock::Clock, config::Settings};

/// Logs from here on, as the settings say. A second call changes nothing, as when tests share a process.
pub(crate) fn init(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log).unwrap_or_else(|_| EnvFilter::new("info"));
    // The audit record is complete at every log level.
    let audit = format!("{}=info", audit::TARGET);
    let filter = filter.add_directive(audit.parse().expect("the directive is a constant"));
    _ = tracing_subscriber::registry()
        .with(filter)
        .with(LogLayer::new(settings.log_format, Clock::system()))
        .try_init();
}
