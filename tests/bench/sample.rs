//! What is measured of a server.

/// One run of one server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub requests_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub cpu_us: f64,
    pub peak_mb: f64,
}
