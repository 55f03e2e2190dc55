//! What happened to log lines. The log counts for itself, because it also runs where there are no metrics.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

use super::registration::{counter, counters, gauge};
use crate::log::LogCounts;

pub(super) struct LogMetrics {
    lines_dropped: IntCounterVec,
    write_failures: IntCounter,
    record_bytes_waiting: IntGauge,
}

#[rustfmt::skip]
impl LogMetrics {
    pub(super) fn register(registry: &Registry) -> Self {
        Self {
            lines_dropped: counters(registry, "log_lines_dropped_total", "Log lines that were lost because they could not be written, by kind (record: audit events and alerts; other).", &["kind"]),
            write_failures: counter(registry, "log_write_failures_total", "Attempts to write the log that failed."),
            record_bytes_waiting: gauge(registry, "log_record_bytes_waiting", "Bytes of audit events and alerts that wait to be written; near 7 MiB the operation answers 503."),
        }
    }
}

impl LogMetrics {
    /// Shows these counts.
    pub(super) fn set(&self, log: LogCounts) {
        let dropped = [
            ("record", log.records_dropped),
            ("other", log.others_dropped),
        ];
        for (kind, lines) in dropped {
            raise(&self.lines_dropped.with_label_values(&[kind]), lines);
        }
        raise(&self.write_failures, log.write_failures);
        let waiting = i64::try_from(log.record_bytes_waiting);
        self.record_bytes_waiting.set(waiting.unwrap_or(i64::MAX));
    }
}

/// Raises a counter to a count that is kept elsewhere.
fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}
