//! The medians of several rounds, as a table.

use std::fmt::Write;

use crate::{
    requests::{Ending, HELLO},
    sample::Sample,
};

/// What is allowed of the floor's CPU time: the project's own targets.
const TARGETS: [(Ending, f64); 5] = [
    (Ending::Opened, 1.8),
    (Ending::Unauthorized, 1.5),
    (Ending::Forbidden, 2.0),
    (Ending::NoCustomer, 2.0),
    (Ending::Invalid, 2.0),
];

/// The medians of one server and path.
pub(crate) struct Row {
    pub name: String,
    pub median: Sample,
    /// The CPU time in times of the floor's, and what it should be at most.
    pub ratio: Option<(f64, f64)>,
}

/// One row for each server and path, in the order of a round.
pub(crate) fn medians(rounds: &[Vec<(String, Sample)>]) -> Vec<Row> {
    let names = rounds.first().into_iter().flatten().map(|(name, _)| name);
    names.map(|name| row(name, rounds)).collect()
}

fn row(name: &str, rounds: &[Vec<(String, Sample)>]) -> Row {
    let samples = |name: &str| -> Vec<Sample> {
        let all = rounds.iter().flatten();
        all.filter(|(of, _)| of == name)
            .map(|(_, sample)| *sample)
            .collect()
    };
    let own = samples(name);
    let column = |value: fn(&Sample) -> f64| median(own.iter().map(value).collect());
    let target = TARGETS.iter().find(|(ending, _)| ending.name() == name);
    let ratio = target.map(|(ending, target)| {
        let floor = samples(&format!("floor {}", ending.floor_path()));
        let ratios = own.iter().zip(&floor);
        let ratios = ratios.map(|(own, floor)| own.cpu_us / floor.cpu_us);
        (median(ratios.collect()), *target)
    });
    Row {
        name: name.to_owned(),
        median: Sample {
            requests_per_second: column(|sample| sample.requests_per_second),
            p50_ms: column(|sample| sample.p50_ms),
            p99_ms: column(|sample| sample.p99_ms),
            cpu_us: column(|sample| sample.cpu_us),
            peak_mb: column(|sample| sample.peak_mb),
        },
        ratio,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The rows as a table in Markdown.
pub(crate) fn text(rows: &[Row]) -> String {
    let mut text = String::from(
        "| path | requests/s | p50 ms | p99 ms | CPU µs/request | peak MB | × floor | target |\n|---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let Sample {
            requests_per_second,
            p50_ms,
            p99_ms,
            cpu_us,
            peak_mb,
        } = row.median;
        let (ratio, target) = match row.ratio {
            Some((ratio, target)) => (format!("{ratio:.2}"), format!("{target:.1}")),
            None => (String::new(), String::new()),
        };
        let name = row
            .name
            .replace(&format!("floor {HELLO}"), "floor, a constant");
        // Writing to memory does not fail.
        _ = writeln!(
            text,
            "| {name} | {requests_per_second:.0} | {p50_ms:.2} | {p99_ms:.2} | {cpu_us:.1} | {peak_mb:.1} | {ratio} | {target} |"
        );
    }
    text
}
