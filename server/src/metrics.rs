//! What the service counts, for Prometheus. Labels are words of closed lists: no key, customer, URL or text of
//! anybody's is one.

mod log;
mod process;
mod registration;
mod requests;
mod traces;

use std::{collections::BTreeMap, fmt, time::Duration};

use chrono::TimeDelta;
use prometheus::{
    Encoder, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder, core::Collector, proto::MetricFamily,
};

use self::{log::LogMetrics, requests::RequestMetrics, traces::TraceMetrics};
use crate::{clock::Clock, log::LogCounts};
use process::ProcessMetrics;
use registration::{counter, counters, gauge, gauges, histogram, histograms};

pub(crate) use traces::Dropped;

/// The media type of [`Metrics::render`].
pub(crate) const MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

/// Bounds, in seconds, of the time from an event at Stripe to its arrival: usually a few seconds, and up to three days
/// while Stripe repeats a delivery that failed.
const LAG_SECONDS: [f64; 9] = [
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 259_200.0,
];

/// What the database is asked while a request waits.
pub(crate) mod label {
    pub(crate) const FIND_CALLER: &str = "find_caller";
    pub(crate) const APPLY_EVENT: &str = "apply_event";
    pub(crate) const MARK_STALE: &str = "mark_stale";
    pub(crate) const PING: &str = "ping";
    pub(super) const DATABASE: [&str; 4] = [FIND_CALLER, APPLY_EVENT, MARK_STALE, PING];
}

/// Counters and gauges.
pub(crate) struct Metrics {
    registry: Registry,
    process: ProcessMetrics,
    requests: RequestMetrics,
    unavailable: IntCounterVec,
    stripe_calls: IntCounterVec,
    stripe_call_seconds: HistogramVec,
    stripe_retries: IntCounterVec,
    webhooks: IntCounterVec,
    webhook_lag: Histogram,
    /// Keys that were found in the cache.
    pub key_cache_hits: IntCounter,
    /// Keys that were looked up in the database.
    pub key_cache_misses: IntCounter,
    database_seconds: HistogramVec,
    /// How long requests waited to look up a key that was not good before.
    pub key_look_up_wait: Histogram,
    /// How long requests waited for a call to Stripe.
    pub stripe_wait: Histogram,
    /// Requests that were sent to Stripe, one for each attempt.
    pub stripe_requests: IntCounter,
    stripe_rate_limit: IntGauge,
    /// Mappings that were marked stale because Stripe does not have the customer.
    pub customers_missing: IntCounter,
    /// Times that our portal configuration had been changed and was restored.
    pub configuration_restored: IntCounter,
    /// Requests of the API that are being answered.
    pub requests_in_flight: IntGauge,
    stripe_in_flight: IntGauge,
    breaker_open: IntGauge,
    configuration_verified: IntGaugeVec,
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
    /// Spans of traces.
    pub traces: TraceMetrics,
    log: LogMetrics,
}

/// What is read when the metrics are asked for, rather than counted.
#[derive(Debug, Clone)]
pub(crate) struct Now {
    /// Calls to Stripe under way.
    pub stripe_in_flight: usize,
    /// Requests a second that may be sent to Stripe; 0 without a limit.
    pub stripe_rate_limit: u32,
    /// Whether calls to Stripe have stopped for a while.
    pub breaker_open: bool,
    /// Whether the portal configuration of each profile is verified.
    pub configuration_verified: BTreeMap<String, bool>,
    /// What has happened to log lines.
    pub log: LogCounts,
}

#[rustfmt::skip]
impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new_custom(Some("billing_portal".to_owned()), None)
            .expect("the prefix is a name");
        show_version(&registry);
        // Looked up once: each request uses them.
        let key_cache = counters(&registry, "key_cache_lookups_total", "Look-ups of keys in the cache, by result (hit, miss).", &["result"]);
        let waits = histograms(&registry, "wait_duration_seconds", "Time that requests waited, by queue (key_look_up: to look up a key that was not good before; stripe: for a call to Stripe).", &["queue"]);
        Self {
            process: ProcessMetrics::default(),
            requests: RequestMetrics::register(&registry),
            unavailable: counters(&registry, "unavailable_total", "Requests answered 502, by cause; the runbook has a section for each.", &["upstream_cause"]),
            stripe_calls: counters(&registry, "stripe_calls_total", "Calls to Stripe with their retries, by outcome (done, refused, failed) and cause.", &["endpoint", "outcome", "cause"]),
            stripe_call_seconds: histograms(&registry, "stripe_call_duration_seconds", "Time of a call to Stripe with its retries and waits.", &["endpoint", "outcome"]),
            stripe_retries: counters(&registry, "stripe_retries_total", "Attempts after the first, by the cause of the one before.", &["cause"]),
            webhooks: counters(&registry, "webhooks_total", "Webhook deliveries, by outcome.", &["outcome"]),
            webhook_lag: histogram(&registry, "webhook_lag_seconds", "Time from an event at Stripe to its arrival here.", &LAG_SECONDS),
            key_cache_hits: key_cache.with_label_values(&["hit"]),
            key_cache_misses: key_cache.with_label_values(&["miss"]),
            database_seconds: histograms(&registry, "database_duration_seconds", "Time that the database took, by operation.", &["operation"]),
            key_look_up_wait: waits.with_label_values(&["key_look_up"]),
            stripe_wait: waits.with_label_values(&["stripe"]),
            stripe_requests: counter(&registry, "stripe_requests_total", "Requests sent to Stripe, one for each attempt."),
            stripe_rate_limit: gauge(&registry, "stripe_rate_limit", "Requests a second that may be sent to Stripe; 0 without a limit."),
            customers_missing: counter(&registry, "customers_missing_total", "Mappings marked stale because Stripe does not have the customer."),
            configuration_restored: counter(&registry, "configuration_restored_total", "Times that our portal configuration had been changed and was restored."),
            requests_in_flight: gauge(&registry, "requests_in_flight", "Requests of the API that are being answered."),
            stripe_in_flight: gauge(&registry, "stripe_calls_in_flight", "Calls to Stripe under way."),
            breaker_open: gauge(&registry, "stripe_breaker_open", "1 while calls to Stripe have stopped for a while."),
            configuration_verified: gauges(&registry, "configuration_verified", "1 while the portal configuration of the profile is verified; while 0 no portal is opened for its organizations.", &["profile"]),
            limited_addresses: counter(&registry, "limited_addresses_total", "Requests refused because their address failed to authenticate too often."),
            connections: gauges(&registry, "connections", "Connections that are open, by port (api, operations).", &["port"]),
            connection_limits: counters(&registry, "connection_limits_total", "Connections that came when a limit was reached, by port and limit (all: max_connections; peer: max_connections_per_peer).", &["port", "limit"]),
            forwarded_for_unreadable: counter(&registry, "forwarded_for_unreadable_total", "X-Forwarded-For headers of trusted proxies that could not be read."),
            reloads: counters(&registry, "reloads_total", "Reloads of the settings, by outcome (applied, refused).", &["outcome"]),
            traces: TraceMetrics::register(&registry),
            log: LogMetrics::register(&registry),
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
        let mut metrics = Self::default();
        metrics.requests.expect(codes);
        for cause in causes {
            metrics.unavailable.with_label_values(&[cause]);
        }
        for outcome in webhooks {
            metrics.webhooks.with_label_values(&[outcome]);
        }
        for operation in label::DATABASE {
            metrics.database_seconds.with_label_values(&[operation]);
        }
        for outcome in [APPLIED, REFUSED] {
            metrics.reloads.with_label_values(&[outcome]);
        }
        metrics
    }

    /// Counts an answer of the API.
    pub(crate) fn answered(&self, status: u16, code: Option<&'static str>, elapsed: Duration) {
        self.requests.count(status, code, elapsed);
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

    /// Does something that asks the database, and notes how long it took.
    pub(crate) async fn database<T>(
        &self,
        clock: &Clock,
        operation: &'static str,
        work: impl Future<Output = T>,
    ) -> T {
        let began = clock.instant();
        let result = work.await;
        let elapsed = clock.instant().duration_since(began);
        self.database_seconds
            .with_label_values(&[operation])
            .observe(elapsed.as_secs_f64());
        result
    }

    /// Notes how long after it happened an event of Stripe arrived. Clocks differ: one from the future arrived at once.
    pub(crate) fn webhook_lag(&self, lag: TimeDelta) {
        let lag = lag.to_std().unwrap_or_default();
        self.webhook_lag.observe(lag.as_secs_f64());
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
    pub(crate) fn render(&self, now: &Now) -> Vec<u8> {
        self.stripe_in_flight.set(count(now.stripe_in_flight));
        self.stripe_rate_limit.set(now.stripe_rate_limit.into());
        self.process.read();
        self.breaker_open.set(now.breaker_open.into());
        show_profiles(&self.configuration_verified, &now.configuration_verified);
        self.log.set(now.log);
        let mut text = Vec::new();
        // Writing to memory does not fail, and what was gathered is consistent.
        for families in [self.registry.gather(), self.process.gather()] {
            _ = TextEncoder::new().encode(&families, &mut text);
        }
        text
    }
}

/// Shows these profiles alone: a reload may have removed others.
fn show_profiles(gauges: &IntGaugeVec, verified: &BTreeMap<String, bool>) {
    for shown in gauges.collect().iter().flat_map(MetricFamily::get_metric) {
        let profile = shown.get_label()[0].value();
        if !verified.contains_key(profile) {
            _ = gauges.remove_label_values(&[profile]);
        }
    }
    for (profile, is_verified) in verified {
        let gauge = gauges.with_label_values(&[profile]);
        gauge.set((*is_verified).into());
    }
}

fn show_version(registry: &Registry) {
    let help = "1, with the version of the program.";
    gauges(registry, "build_info", help, &["version"])
        .with_label_values(&[env!("CARGO_PKG_VERSION")])
        .set(1);
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// The label `outcome` of reloads.
const APPLIED: &str = "applied";
const REFUSED: &str = "refused";
