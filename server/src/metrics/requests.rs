//! The answers of the API.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec, Registry};

use super::registration::{SECONDS, counters, histogram};

/// The code of an answer that is no error.
const OK: &str = "OK";
/// The code of what is too malformed for an envelope, which would have the code.
const MALFORMED: &str = "MALFORMED";

pub(super) struct RequestMetrics {
    total: IntCounterVec,
    /// Those of `total` whose labels are known at the start. The library's own look-up takes a lock that all processors
    /// share, and the status as text: 1.5 % of the CPU time of a refusal.
    known: Vec<(u16, &'static str, IntCounter)>,
    seconds: Histogram,
}

#[rustfmt::skip]
impl RequestMetrics {
    pub(super) fn register(registry: &Registry) -> Self {
        Self {
            total: counters(registry, "requests_total", "Requests of the API, by status and error code (OK: none; MALFORMED: malformed HTTP, which has none).", &["status", "code"]),
            known: Vec::new(),
            seconds: histogram(registry, "request_duration_seconds", "Time from a request to its answer.", &SECONDS),
        }
    }
}

impl RequestMetrics {
    /// Shows the answers with these statuses and codes, and the one without an error, although there is none yet.
    pub(super) fn expect(&mut self, codes: impl IntoIterator<Item = (u16, &'static str)>) {
        let answers = [(200, OK)].into_iter().chain(codes);
        self.known = answers
            .map(|(status, code)| (status, code, self.counter(status, code)))
            .collect();
    }

    fn counter(&self, status: u16, code: &str) -> IntCounter {
        let status = status.to_string();
        self.total.with_label_values(&[status.as_str(), code])
    }

    /// Counts an answer.
    pub(super) fn count(&self, status: u16, code: Option<&'static str>, elapsed: Duration) {
        let none = if status < 400 { OK } else { MALFORMED };
        let code = code.unwrap_or(none);
        let is_it = |known: &&(u16, &str, IntCounter)| known.0 == status && known.1 == code;
        match self.known.iter().find(is_it) {
            Some((_, _, counter)) => counter.inc(),
            None => self.counter(status, code).inc(),
        }
        self.seconds.observe(elapsed.as_secs_f64());
    }
}
