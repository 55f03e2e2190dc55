//! Whether to retry a failed call, how long to wait before, and how long one try may take.
//!
//! Random numbers are arguments. Repeating the operation is safe, because each success makes its own URL and replaces no
//! other, so a broken connection is retried without knowing what the service received.

use std::time::{Duration, Instant};

use crate::error::Error;

/// The longest random pause before the first repetition; it doubles for each further one. Under half a second, so that a
/// person who waits for a page hardly notices one repetition.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Where the doubling ends, so that a call with many retries still tries every few seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest `Retry-After` that is waited for; a longer one is returned to the caller at once. As long as a call's
/// default timeout: a person does not wait longer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
/// The longest time for a try that may be followed by another: its connection may be dead. The service itself answers
/// within some 12 s.
const LONGEST_TRY: Duration = Duration::from_secs(15);

/// A try that failed.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether the request was sent over a kept connection, which may have been dead before.
    pub(crate) connection_was_reused: bool,
}

/// What one try may do.
#[derive(Clone, Copy)]
pub(crate) struct Try {
    /// From 1.
    pub(crate) number: u32,
    /// When the call started.
    pub(crate) started: Instant,
    /// The time until the call's deadline.
    pub(crate) left: Duration,
    /// The try is given up after this time, if another may follow or its connection was kept.
    pub(crate) share: Duration,
    /// Whether no further try follows, unless this one fails over a kept connection.
    pub(crate) is_last: bool,
    /// Whether a kept connection must not be used.
    pub(crate) over_new_connection: bool,
}

/// The tries of one call: how many were made, and how many may follow until the deadline.
pub(crate) struct Retries {
    started: Instant,
    timeout: Duration,
    /// How many retries may count.
    allowed: u32,
    /// Tries that were made, all of them.
    made: u32,
    /// Retries that were made and count.
    counted: u32,
    /// Whether the retry after a kept connection failed was made; it does not count, but there is only one.
    uncounted_used: bool,
    over_new_connection: bool,
}

impl Retries {
    pub(crate) fn new(timeout: Duration, max_retries: u32) -> Self {
        Self {
            started: Instant::now(),
            timeout,
            allowed: max_retries,
            made: 0,
            counted: 0,
            uncounted_used: false,
            over_new_connection: false,
        }
    }

    /// The number of tries that were made.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// The next try.
    pub(crate) fn next_try(&mut self) -> Try {
        self.made = self.made.saturating_add(1);
        let left = self.left();
        let is_last = self.counted >= self.allowed;
        let may_be_repeated = !is_last || !self.uncounted_used;
        Try {
            number: self.made,
            started: self.started,
            left,
            share: if may_be_repeated { share(left) } else { left },
            is_last,
            over_new_connection: self.over_new_connection,
        }
    }

    /// How long to wait before the next try, or `None` if the call must not be repeated.
    pub(crate) fn pause_after(&mut self, failure: &Failure, random: f64) -> Option<Duration> {
        let broke = failure.error.is_transport();
        let is_uncounted = broke && failure.connection_was_reused && !self.uncounted_used;
        if !is_uncounted && self.counted >= self.allowed {
            return None;
        }
        let pause = pause(&failure.error, self.made, random)?;
        if pause >= self.left() {
            return None;
        }
        if is_uncounted {
            self.uncounted_used = true;
        } else {
            self.counted += 1;
        }
        self.over_new_connection |= broke;
        Some(pause)
    }

    fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.started.elapsed())
    }
}

/// How long to wait before the repetition number `repetition` (from 1), or `None` if the error is not retryable.
///
/// `random` lies in 0 to 1. It spreads the whole pause (full jitter), so that clients that failed together do not
/// return together. What the answer asks for is waited in full before that.
fn pause(error: &Error, repetition: u32, random: f64) -> Option<Duration> {
    let requested = error.retry_after().unwrap_or(Duration::ZERO);
    if !error.is_retryable() || requested > LONGEST_RETRY_AFTER {
        return None;
    }
    let doubled = FIRST_PAUSE.saturating_mul(1 << repetition.saturating_sub(1).min(16));
    Some(requested + doubled.min(LONGEST_PAUSE).mul_f64(random))
}

/// The time for one try that may be followed by another: half of what is left, so that the others have the rest.
fn share(left: Duration) -> Duration {
    (left / 2).min(LONGEST_TRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect() -> Error {
        Error::Connect {
            cause: String::new(),
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let longest = |repetition| {
            pause(&connect(), repetition, 1.0)
                .expect("retryable")
                .as_millis()
        };
        let pauses = [1, 2, 3, 4, 5, 6, 7, u32::MAX].map(longest);
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    }

    #[test]
    fn jitter_spreads_the_whole_pause() {
        assert_eq!(pause(&connect(), 3, 0.0), Some(Duration::ZERO));
        assert_eq!(pause(&connect(), 3, 0.25), Some(Duration::from_millis(200)));
    }

    #[test]
    fn a_try_that_may_be_repeated_has_half_of_the_time() {
        assert_eq!(share(Duration::from_mins(1)), Duration::from_secs(15));
        assert_eq!(share(Duration::from_secs(3)), Duration::from_millis(1500));
    }

    /// Without a pause, to count.
    fn retry(retries: &mut Retries, reused: bool) -> bool {
        retries.next_try();
        let failure = Failure {
            error: connect(),
            connection_was_reused: reused,
        };
        retries.pause_after(&failure, 0.0).is_some()
    }

    #[test]
    fn k1_only_the_first_retry_after_a_kept_connection_failed_is_not_counted() {
        let mut retries = Retries::new(Duration::from_mins(1), 1);
        assert!(retry(&mut retries, true), "not counted");
        assert!(retry(&mut retries, true), "counted");
        assert!(!retry(&mut retries, true), "too many");
        let mut retries = Retries::new(Duration::from_mins(1), 0);
        assert!(!retry(&mut retries, false), "the connection was new");
    }

    #[test]
    fn k1_the_last_try_over_a_new_connection_has_all_the_time() {
        let mut retries = Retries::new(Duration::from_mins(1), 0);
        assert!(retry(&mut retries, true));
        let last = retries.next_try();
        assert!(last.is_last && last.over_new_connection);
        assert_eq!(last.share, last.left);
    }
}
