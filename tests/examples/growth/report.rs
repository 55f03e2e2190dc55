//! The table and the plot.

use std::fmt::Write;

use crate::measure::Measured;

/// The plot's width and height, and the margin around its axes.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const MARGIN: f64 = 60.0;

/// What was measured of one database.
pub(crate) struct Row {
    pub(crate) engine: &'static str,
    pub(crate) keys: u32,
    pub(crate) measured: Measured,
}

/// The rows as a table of Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| database | keys | answer, key not cached | answer, key cached | start | memory, idle | memory, 200 keys in use \
         | size | import |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let measured = &row.measured;
        // Writing to memory does not fail.
        _ = writeln!(
            text,
            "| {} | {} | {} µs | {} µs | {} ms | {:.1} MB | {:.1} MB | {:.1} MB | {:.0} a second |",
            row.engine,
            row.keys,
            measured.cold_us,
            measured.warm_us,
            measured.start_ms,
            megabytes(measured.idle_kib),
            megabytes(measured.busy_kib),
            megabytes(u64::try_from(measured.database_bytes).unwrap_or_default() / 1024),
            measured.imported_per_second,
        );
    }
    text
}

fn megabytes(kib: u64) -> f64 {
    number(kib) * 1024.0 / 1e6
}

/// A measurement as a number to draw: all of them are small.
fn number(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

/// The time of an answer against the number of keys, as an SVG.
pub(crate) fn plot(rows: &[Row]) -> String {
    let slowest = rows.iter().map(|row| number(row.measured.cold_us));
    let top = slowest.fold(1.0, f64::max) * 1.1;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>Time of an answer by the number of keys</title>\n\
         <text x=\"{MARGIN}\" y=\"24\">Time of an answer in microseconds, by the number of keys</text>\n"
    );
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let y = height(value, top);
        let end = WIDTH - 2.0 * MARGIN;
        _ = writeln!(
            svg,
            "<path d=\"M{MARGIN} {y:.1}H{end}\" stroke=\"#ddd\"/><text x=\"8\" y=\"{y:.1}\">{value:.0}</text>"
        );
    }
    for (engine, color) in [("SQLite", "#635bff"), ("PostgreSQL", "#d9480f")] {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.engine == engine).collect();
        for (name, dash, time) in [
            ("not cached", "none", cold as fn(&Row) -> f64),
            ("cached", "4", warm),
        ] {
            svg += &line(
                &rows,
                top,
                time,
                &format!("stroke=\"{color}\" stroke-dasharray=\"{dash}\""),
            );
            if let Some(last) = rows.last() {
                let (x, y) = (across(last.keys) + 6.0, height(time(last), top));
                _ = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{color}\" font-size=\"11\">{engine}, {name}</text>"
                );
            }
        }
        for row in rows {
            let (x, y) = (across(row.keys), HEIGHT - MARGIN / 2.0);
            _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
                row.keys
            );
        }
    }
    svg + "</svg>\n"
}

fn cold(row: &Row) -> f64 {
    number(row.measured.cold_us)
}

fn warm(row: &Row) -> f64 {
    number(row.measured.warm_us)
}

fn line(rows: &[&Row], top: f64, time: fn(&Row) -> f64, style: &str) -> String {
    let point = |row: &&Row| format!("{:.1},{:.1}", across(row.keys), height(time(row), top));
    let points: Vec<String> = rows.iter().map(point).collect();
    format!(
        "<polyline points=\"{}\" fill=\"none\" {style}/>\n",
        points.join(" ")
    )
}

/// Keys from a thousand to a million, by their logarithm.
fn across(keys: u32) -> f64 {
    let part = (f64::from(keys).log10() - 3.0) / 3.0;
    MARGIN + part * (WIDTH - 4.0 * MARGIN)
}

fn height(value: f64, top: f64) -> f64 {
    HEIGHT - MARGIN - value / top * (HEIGHT - 2.0 * MARGIN)
}
