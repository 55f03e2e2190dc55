//! Whether to retry a failed call, how long to wait before, and how long one try may take.
//!
//! Pure: the random number is an argument. Repeating the operation is safe, because each success makes its own URL and
//! replaces no other, so a broken connection is retried without knowing what the service received.

use std::time::Duration;

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

/// How long to wait before the repetition number `repetition` (from 1), or `None` if the call must not be repeated.
///
/// `random` lies in 0 to 1. It spreads the whole pause (full jitter), so that clients that failed together do not
/// return together. What the answer asks for is waited in full before that.
pub(crate) fn pause(error: &Error, repetition: u32, random: f64) -> Option<Duration> {
    let asked = error.retry_after().unwrap_or(Duration::ZERO);
    if !error.is_retryable() || asked > LONGEST_RETRY_AFTER {
        return None;
    }
    let doubled = FIRST_PAUSE.saturating_mul(1 << repetition.saturating_sub(1).min(16));
    Some(asked + doubled.min(LONGEST_PAUSE).mul_f64(random))
}

/// How much of the time that is left one try may take.
pub(crate) fn try_limit(left: Duration, is_last: bool) -> Duration {
    if is_last { left } else { left.min(LONGEST_TRY) }
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
    fn only_the_last_try_may_take_all_the_time_that_is_left() {
        let half_a_minute = Duration::from_secs(30);
        assert_eq!(try_limit(half_a_minute, true), half_a_minute);
        assert_eq!(try_limit(half_a_minute, false), Duration::from_secs(15));
        assert_eq!(
            try_limit(Duration::from_secs(3), false),
            Duration::from_secs(3)
        );
    }
}
