//! When a failed call is worth another try, and how long to wait before it.
//!
//! Pure: chance is handed in. Repeating the operation is safe, since each success makes a URL of its own and none
//! takes the place of another, so a broken connection is tried again without knowing what the service saw.

use std::time::Duration;

use http::StatusCode;

use crate::{Error, ErrorCode};

/// The most that is waited before the first repetition, doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Where the doubling ends.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// An answer that asks for more patience than this is handed to the caller at once.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A try that takes longer is given up if another one may follow: its connection may be dead. The service itself
/// answers within some 12 s.
const LONGEST_TRY: Duration = Duration::from_secs(15);

/// Whether the same call may succeed later: decided by the code, and by the status where there is no known code.
pub(crate) fn is_retryable(error: &Error) -> bool {
    match error {
        Error::Configuration { .. } | Error::InvalidRequest { .. } => false,
        Error::Connect { .. } | Error::Disconnected { .. } | Error::Timeout { .. } => true,
        Error::UnexpectedAnswer(answer) => is_retryable_status(answer.status),
        Error::Api(error) => match error.code {
            ErrorCode::RequestTimeout
            | ErrorCode::RateLimited
            | ErrorCode::Internal
            | ErrorCode::ServiceUnavailable => true,
            // The service says how long to wait where waiting helps.
            ErrorCode::BillingPortalUnavailable => error.retry_after.is_some(),
            ErrorCode::Unknown(_) => is_retryable_status(error.status),
            _ => false,
        },
    }
}

fn is_retryable_status(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// How long to wait before the repetition number `repetition` (from 1), or `None` when it is not worth one.
///
/// `chance` lies in 0 to 1. It spreads the whole pause (full jitter), so that clients which failed together do not
/// come back together; what the answer asks for is waited in full before that.
pub(crate) fn pause(error: &Error, repetition: u32, chance: f64) -> Option<Duration> {
    let asked = error.retry_after().unwrap_or_default();
    if !is_retryable(error) || asked > LONGEST_RETRY_AFTER {
        return None;
    }
    let doubled = FIRST_PAUSE.saturating_mul(1 << repetition.saturating_sub(1).min(16));
    Some(asked + doubled.min(LONGEST_PAUSE).mul_f64(chance))
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
    fn chance_spreads_the_whole_pause() {
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
