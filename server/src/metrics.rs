//! What the service counts, for Prometheus. Labels are words of closed lists: no key, customer, URL or text of
//! anybody's is one.

use std::{fmt, time::Duration};

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

use crate::log::LogCounts;

/// The media type of [`Metrics::render`].
pub(crate) const MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

/// Bounds, in seconds, of answers that are mostly refusals and of calls that end within ten seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Counters and gauges.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: Histogram,
    unavailable: IntCounterVec,
    stripe_calls: IntCounterVec,
    stripe_call_seconds: HistogramVec,
    stripe_retries: IntCounterVec,
    webhooks: IntCounterVec,
    /// Mappings that were marked stale because Stripe does not have the customer.
    pub customers_missing: IntCounter,
    /// Times that our portal configuration had been changed and was restored.
    pub configuration_restored: IntCounter,
    /// Requests of the API that are being answered.
    pub requests_in_flight: IntGauge,
    stripe_in_flight: IntGauge,
    breaker_open: IntGauge,
    configuration_verified: IntGauge,
    /// Requests that were refused because their address failed to authenticate too often.
    pub limited_addresses: IntCounter,
    /// Connections that are open, by port.
    pub connections: IntGaugeVec,
    /// Connections that came when a limit was reached, by port and limit.
    pub connection_limits: IntCounterVec,
    /// `X-Forwarded-For` headers of trusted proxies that could not be read.
    pub forwarded_for_unreadable: IntCounter,
    /// Reloads of the settings, by whether they were applied.
    reloads: IntCounterVec,
    log_lines_dropped: IntCounterVec,
    log_write_failures: IntCounter,
    log_record_bytes_waiting: IntGauge,
}

/// What is read when the metrics are asked for, rather than counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Calls to Stripe under way.
    pub stripe_in_flight: usize,
    /// Whether calls to Stripe have stopped for a while.
    pub breaker_open: bool,
    /// Whether the portal configuration is verified.
    pub configuration_verified: bool,
    /// What has happened to log lines.
    pub log: LogCounts,
}

#[rustfmt::skip]
impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new_custom(Some("billing_portal".to_owned()), None)
            .expect("the prefix is a name");
        Self {
            requests: counters(&registry, "requests_total", "Requests of the API, by status and error code (OK: none; MALFORMED: malformed HTTP, which has none).", &["status", "code"]),
            request_seconds: histogram(&registry, "request_duration_seconds", "Time from a request to its answer."),
            unavailable: counters(&registry, "unavailable_total", "Requests answered 502, by cause; the runbook has a section for each.", &["upstream_cause"]),
            stripe_calls: counters(&registry, "stripe_calls_total", "Calls to Stripe with their retries, by outcome (done, refused, failed) and cause.", &["endpoint", "outcome", "cause"]),
            stripe_call_seconds: histograms(&registry, "stripe_call_duration_seconds", "Time of a call to Stripe with its retries and waits.", &["endpoint", "outcome"]),
            stripe_retries: counters(&registry, "stripe_retries_total", "Attempts after the first, by the cause of the one before.", &["cause"]),
            webhooks: counters(&registry, "webhooks_total", "Webhook deliveries, by outcome.", &["outcome"]),
            customers_missing: counter(&registry, "customers_missing_total", "Mappings marked stale because Stripe does not have the customer."),
            configuration_restored: counter(&registry, "configuration_restored_total", "Times that our portal configuration had been changed and was restored."),
            requests_in_flight: gauge(&registry, "requests_in_flight", "Requests of the API that are being answered."),
            stripe_in_flight: gauge(&registry, "stripe_calls_in_flight", "Calls to Stripe under way."),
            breaker_open: gauge(&registry, "stripe_breaker_open", "1 while calls to Stripe have stopped for a while."),
            configuration_verified: gauge(&registry, "configuration_verified", "1 while the portal configuration is verified; while 0 no portal is opened."),
            limited_addresses: counter(&registry, "limited_addresses_total", "Requests refused because their address failed to authenticate too often."),
            connections: gauges(&registry, "connections", "Connections that are open, by port (api, operations).", &["port"]),
            connection_limits: counters(&registry, "connection_limits_total", "Connections that came when a limit was reached, by port and limit (all: max_connections; peer: max_connections_per_peer).", &["port", "limit"]),
            forwarded_for_unreadable: counter(&registry, "forwarded_for_unreadable_total", "X-Forwarded-For headers of trusted proxies that could not be read."),
            reloads: counters(&registry, "reloads_total", "Reloads of the settings, by outcome (applied, refused).", &["outcome"]),
            log_lines_dropped: counters(&registry, "log_lines_dropped_total", "Log lines that were lost because they could not be written, by kind (record: audit events and alerts; other).", &["kind"]),
            log_write_failures: counter(&registry, "log_write_failures_total", "Attempts to write the log that failed."),
            log_record_bytes_waiting: gauge(&registry, "log_record_bytes_waiting", "Bytes of audit events and alerts that wait to be written; near 7 MiB the operation answers 503."),
            registry,
        }
    }
}

impl Metrics {
    /// With these statuses and codes, causes and webhooks' outcomes at zero: a series that is not there yet cannot be
    /// watched.
    pub(crate) fn beginning_with(
        codes: impl IntoIterator<Item = (u16, &'static str)>,
        causes: impl IntoIterator<Item = &'static str>,
        webhooks: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let metrics = Self::default();
        for cause in causes {
            metrics.unavailable.with_label_values(&[cause]);
        }
        for outcome in webhooks {
            metrics.webhooks.with_label_values(&[outcome]);
        }
        for outcome in [APPLIED, REFUSED] {
            metrics.reloads.with_label_values(&[outcome]);
        }
        for (status, code) in [(200, OK)].into_iter().chain(codes) {
            metrics
                .requests
                .with_label_values(&[status.to_string().as_str(), code]);
        }
        metrics
    }

    /// Counts an answer of the API.
    pub(crate) fn answered(&self, status: u16, code: Option<&'static str>, elapsed: Duration) {
        // What is too malformed for an envelope has no code either.
        let none = if status < 400 { OK } else { MALFORMED };
        self.requests
            .with_label_values(&[status.to_string().as_str(), code.unwrap_or(none)])
            .inc();
        self.request_seconds.observe(elapsed.as_secs_f64());
    }

    /// Counts a request that was answered 502, by its cause.
    pub(crate) fn unavailable(&self, cause: &'static str) {
        self.unavailable.with_label_values(&[cause]).inc();
    }

    /// Counts a call to Stripe, its retries included.
    pub(crate) fn stripe_call(
        &self,
        endpoint: &'static str,
        (outcome, cause): (&'static str, &'static str),
        elapsed: Duration,
    ) {
        self.stripe_calls
            .with_label_values(&[endpoint, outcome, cause])
            .inc();
        self.stripe_call_seconds
            .with_label_values(&[endpoint, outcome])
            .observe(elapsed.as_secs_f64());
    }

    /// Counts a try after the first.
    pub(crate) fn stripe_retry(&self, cause: &'static str) {
        self.stripe_retries.with_label_values(&[cause]).inc();
    }

    /// Counts a webhook delivery.
    pub(crate) fn webhook(&self, outcome: &'static str) {
        self.webhooks.with_label_values(&[outcome]).inc();
    }

    /// Counts a reload of the settings.
    pub(crate) fn reload(&self, is_applied: bool) {
        let outcome = if is_applied { APPLIED } else { REFUSED };
        self.reloads.with_label_values(&[outcome]).inc();
    }

    /// Everything, in Prometheus' text format.
    pub(crate) fn render(&self, now: Now) -> Vec<u8> {
        self.stripe_in_flight.set(count(now.stripe_in_flight));
        self.breaker_open.set(now.breaker_open.into());
        self.configuration_verified
            .set(now.configuration_verified.into());
        self.set_log(now.log);
        let mut text = Vec::new();
        // Writing to memory does not fail, and what was gathered is consistent.
        _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}

impl Metrics {
    /// The log counts for itself, because it also runs where there are no metrics.
    fn set_log(&self, log: LogCounts) {
        let dropped = [
            ("record", log.records_dropped),
            ("other", log.others_dropped),
        ];
        for (kind, lines) in dropped {
            raise(&self.log_lines_dropped.with_label_values(&[kind]), lines);
        }
        raise(&self.log_write_failures, log.write_failures);
        self.log_record_bytes_waiting
            .set(count(log.record_bytes_waiting));
    }
}

/// Raises a counter to a count that is kept elsewhere.
fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// The label `code` of a success, and of a request that is too malformed to have a code.
const OK: &str = "OK";
const MALFORMED: &str = "MALFORMED";
/// The label `outcome` of reloads.
const APPLIED: &str = "applied";
const REFUSED: &str = "refused";

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    register(registry, IntCounter::new(name, help))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    register(registry, IntGauge::new(name, help))
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    register(registry, IntGaugeVec::new(Opts::new(name, help), labels))
}

fn histogram(registry: &Registry, name: &str, help: &str) -> Histogram {
    register(registry, Histogram::with_opts(in_seconds(name, help)))
}

fn histograms(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    register(registry, HistogramVec::new(in_seconds(name, help), labels))
}

fn in_seconds(name: &str, help: &str) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(SECONDS.to_vec())
}

/// Names are constants, each used once, so that neither step fails.
fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: prometheus::Result<C>,
) -> C {
    let collector = collector.expect("the name and the labels are good");
    registry
        .register(Box::new(collector.clone()))
        .expect("each name is registered once");
    collector
}
