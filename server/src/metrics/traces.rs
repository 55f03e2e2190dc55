//! What became of the spans of traces.

use prometheus::{IntCounter, IntCounterVec, Registry};

use super::registration::{counter, counters};

/// The label `reason` of spans that were dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dropped {
    /// The queue was full, because the collector was slow or away.
    QueueFull,
    /// The collector could not be reached, or refused the batch.
    NotSent,
    /// The collector took the batch without these.
    Rejected,
}

/// Counters of spans.
pub(crate) struct TraceMetrics {
    exported: IntCounter,
    dropped: IntCounterVec,
}

#[rustfmt::skip]
impl TraceMetrics {
    /// All at zero.
    pub(super) fn register(registry: &Registry) -> Self {
        let dropped = counters(registry, "trace_spans_dropped_total", "Spans of traces that no collector has, by reason (queue_full, not_sent, rejected).", &["reason"]);
        for reason in [Dropped::QueueFull, Dropped::NotSent, Dropped::Rejected] {
            dropped.with_label_values(&[reason.as_str()]);
        }
        Self {
            exported: counter(registry, "trace_spans_exported_total", "Spans of traces that the collector accepted."),
            dropped,
        }
    }
}

impl TraceMetrics {
    /// Counts spans that the collector accepted.
    pub(crate) fn exported(&self, spans: u64) {
        self.exported.inc_by(spans);
    }

    /// Counts spans that were dropped.
    pub(crate) fn dropped(&self, reason: Dropped, spans: u64) {
        self.dropped
            .with_label_values(&[reason.as_str()])
            .inc_by(spans);
    }
}

impl Dropped {
    fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::NotSent => "not_sent",
            Self::Rejected => "rejected",
        }
    }
}
