//! The CPU time of a request as a picture: one bar for each path.

use std::fmt::Write;

use crate::table::Row;

const WIDTH: f64 = 560.0;
const LABEL_WIDTH: f64 = 190.0;
const BAR_HEIGHT: u32 = 22;
const ROW_HEIGHT: u32 = 32;

/// The rows as an SVG.
pub(crate) fn svg(rows: &[Row]) -> String {
    let most = rows.iter().map(|row| row.median.cpu_us).fold(1.0, f64::max);
    let height = u32::try_from(rows.len()).unwrap_or_default() * ROW_HEIGHT + 30;
    let width = LABEL_WIDTH + WIDTH + 90.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n<title>CPU time of a request, in microseconds</title>\n<text x=\"4\" y=\"18\">CPU time of a request, in microseconds</text>\n"
    );
    for (index, row) in (0..).zip(rows) {
        let top = index * ROW_HEIGHT + 30;
        let text = top + 16;
        let cpu = row.median.cpu_us;
        let bar = WIDTH * cpu / most;
        let color = if row.ratio.is_some() {
            "#635bff"
        } else {
            "#9aa5b1"
        };
        let end = LABEL_WIDTH + bar + 6.0;
        // Writing to memory does not fail.
        _ = writeln!(
            svg,
            "<text x=\"4\" y=\"{text}\">{}</text><rect x=\"{LABEL_WIDTH}\" y=\"{top}\" width=\"{bar:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{color}\"/><text x=\"{end:.1}\" y=\"{text}\">{cpu:.1}</text>",
            row.name
        );
    }
    svg + "</svg>\n"
}
