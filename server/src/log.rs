//! Where log lines go: to standard error, one event a line, in JSON or as text.
//!
//! Callers, payers and Stripe decide what stands in some fields. So every value is cut, searched for secrets and
//! escaped before it becomes part of a line, outside of any lock, at a cost that grows no faster than its length.

mod batch;
mod capture;
mod fields;
mod layer;
mod queue;
mod timestamp;
mod value;
mod writer;

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    panic::{self, PanicHookInfo},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, Registry,
    filter::{FilterExt, filter_fn},
    prelude::*,
    reload,
};

use self::{layer::LogLayer, queue::Queue};
use crate::{clock::Clock, config::LogFormat};

pub use self::capture::captured_log;
pub(crate) use self::{
    fields::{FieldWriter, RequestFields},
    layer::{AUDIT_TARGET, in_request},
    queue::LogCounts,
};

/// The queue of this process's log, once there is one.
static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();
/// Replaces the filter of this process's log.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Logs from here on the events that pass the filter. A second call changes nothing, as when tests share a process.
///
/// # Errors
/// If standard error is closed or no thread can be started.
pub(crate) fn init(filter: EnvFilter, format: LogFormat) -> io::Result<()> {
    let queue = Arc::new(Queue::default());
    if QUEUE.set(Arc::clone(&queue)).is_err() {
        return Ok(());
    }
    // A descriptor of its own: the lock of `io::stderr` would be held while a write waits for the reader.
    let output = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let layer = LogLayer::new(format, Clock::system(), Arc::clone(&queue));
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || writer::run(&queue, output))?;
    let (filter, handle) = reload::Layer::new(filter);
    _ = FILTER.set(handle);
    let layer = layer.with_filter(filter.or(filter_fn(is_always_logged)));
    _ = tracing_subscriber::registry().with(layer).try_init();
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Logs from here on the events that pass this filter.
pub(crate) fn set_filter(filter: EnvFilter) {
    if let Some(handle) = FILTER.get() {
        // It fails only if the subscriber is gone, and then nothing is logged at all.
        _ = handle.reload(filter);
    }
}

/// Audit events and alerts are logged at every level.
fn is_always_logged(metadata: &Metadata<'_>) -> bool {
    metadata.target() == AUDIT_TARGET || metadata.fields().field(fields::ALERT).is_some()
}

/// A panic is a line like every other. The default would print text that is not JSON, and wait for the reader.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    let reason = panic.payload_as_str();
    tracing::error!(event = "panic", alert = true, location, reason);
}

/// Whether the audit event of one more request will find room. If not, the operation must not run.
pub(crate) fn has_room_for_records() -> bool {
    QUEUE.get().is_none_or(|queue| queue.has_room_for_records())
}

/// What was lost and what waits.
pub(crate) fn counts() -> LogCounts {
    QUEUE.get().map(|queue| queue.counts()).unwrap_or_default()
}

/// Waits until every line is written, at most this long.
pub(crate) fn flush(timeout: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(timeout);
    }
}
