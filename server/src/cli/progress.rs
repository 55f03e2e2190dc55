//! The progress of a long command, on standard error: a bar on a terminal, a line every few seconds elsewhere.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::clock::Clock;

/// How often a plain line is written: often enough to see that the command runs, rarely enough for a log.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// The bar where the total is known, and where it is not.
const KNOWN: &str = "{msg} [{bar:24}] {human_pos}/{human_len} ({rate} a second, {eta} left)";
const UNKNOWN: &str = "{msg} {spinner} {human_pos} ({rate} a second, {elapsed})";

/// The progress of one command.
pub(super) struct Progress {
    what: &'static str,
    /// The number of items, if it is known.
    total: Option<u64>,
    done: u64,
    clock: Clock,
    began: Instant,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts with no item done of `total`.
    pub(super) fn new(what: &'static str, total: Option<u64>, clock: &Clock) -> Self {
        let now = clock.instant();
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let template = if total.is_some() { KNOWN } else { UNKNOWN };
            let style = ProgressStyle::with_template(template);
            let style = style.expect("the template is a constant");
            let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
                _ = write!(text, "{:.0}", state.per_sec());
            };
            bar.with_style(style.with_key("rate", rate))
                .with_message(what)
        });
        Self {
            what,
            total,
            done: 0,
            clock: clock.clone(),
            began: now,
            last_line: now,
            bar,
        }
    }

    /// Adds finished items.
    pub(super) fn advance(&mut self, more: usize) {
        self.done += more as u64;
        let now = self.clock.instant();
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if now.duration_since(self.last_line) >= LINE_INTERVAL => {
                self.last_line = now;
                self.print_line(now);
            }
            None => {}
        }
    }

    /// Prints a message between the lines of the progress.
    pub(super) fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => _ = writeln!(io::stderr(), "{line}"),
        }
    }

    /// Removes the bar, or prints a last line. The result is in the command's report.
    pub(super) fn end(self) {
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            None => self.print_line(self.clock.instant()),
        }
    }

    fn print_line(&self, now: Instant) {
        let elapsed = now.duration_since(self.began);
        // Standard error may be closed, which is not a reason to stop.
        _ = writeln!(io::stderr(), "{}", self.line(elapsed));
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the rate and the time left are estimates"
    )]
    fn line(&self, elapsed: Duration) -> String {
        let rate = self.done as f64 / elapsed.as_secs_f64().max(0.001);
        let Self { what, done, .. } = self;
        match self.total {
            Some(total) if rate > 0.0 => {
                let left = (total.saturating_sub(*done) as f64 / rate).ceil() as u64;
                format!("{what}: {done} of {total} ({rate:.0} a second, {left} s left)")
            }
            Some(total) => format!("{what}: {done} of {total}"),
            None => format!("{what}: {done} ({rate:.0} a second)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_rate_and_the_time_left() {
        let progress = |total, done| Progress {
            done,
            bar: None,
            ..Progress::new("customers", total, &Clock::system())
        };
        let elapsed = Duration::from_secs(10);
        assert_eq!(
            progress(Some(100), 40).line(elapsed),
            "customers: 40 of 100 (4 a second, 15 s left)"
        );
        assert_eq!(
            progress(None, 40).line(elapsed),
            "customers: 40 (4 a second)"
        );
        assert_eq!(progress(Some(9), 0).line(elapsed), "customers: 0 of 9");
    }
}
