//! What the process uses, under the names that Prometheus' own libraries give it
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>).

use std::fs;

use prometheus::{Counter, IntGauge, Registry, proto::MetricFamily};
use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

use super::registration::{gauge, seconds_counter};

/// The process metrics. They have no prefix, so they are in a registry of their own.
pub(super) struct ProcessMetrics {
    registry: Registry,
    cpu_seconds: Counter,
    resident_bytes: IntGauge,
    virtual_bytes: IntGauge,
    threads: IntGauge,
    open_files: IntGauge,
    max_files: IntGauge,
}

impl Default for ProcessMetrics {
    fn default() -> Self {
        let registry = Registry::new();
        Self {
            cpu_seconds: seconds_counter(
                &registry,
                "process_cpu_seconds_total",
                "Time of the processors, in user and system mode.",
            ),
            resident_bytes: gauge(
                &registry,
                "process_resident_memory_bytes",
                "Memory that is resident.",
            ),
            virtual_bytes: gauge(
                &registry,
                "process_virtual_memory_bytes",
                "Memory that is mapped.",
            ),
            threads: gauge(&registry, "process_threads", "Threads."),
            open_files: gauge(&registry, "process_open_fds", "Open file descriptors."),
            max_files: gauge(
                &registry,
                "process_max_fds",
                "The soft limit on open file descriptors.",
            ),
            registry,
        }
    }
}

impl ProcessMetrics {
    /// Reads what the process uses now. Where the system does not say it, the value stays as it was.
    pub(super) fn read(&self) {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a process lives less than 2^53 nanoseconds' worth of seconds"
        )]
        let seconds = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
        self.cpu_seconds
            .inc_by((seconds - self.cpu_seconds.get()).max(0.0));
        // Without a limit there is none to come near to.
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        self.max_files.set(i64::try_from(limit).unwrap_or(i64::MAX));
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            set(&self.resident_bytes, &status, "VmRSS:");
            set(&self.virtual_bytes, &status, "VmSize:");
            set(&self.threads, &status, "Threads:");
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // One of them is the folder itself.
            let open = files.count().saturating_sub(1);
            self.open_files.set(i64::try_from(open).unwrap_or(i64::MAX));
        }
    }

    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// Sets the gauge to the number after this name; sizes have the unit kB, which is 1024 bytes.
fn set(gauge: &IntGauge, status: &str, name: &str) {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    let mut words = value.unwrap_or_default().split_whitespace();
    let number: Option<i64> = words.next().and_then(|number| number.parse().ok());
    let unit = if words.next() == Some("kB") { 1024 } else { 1 };
    if let Some(number) = number {
        gauge.set(number * unit);
    }
}
