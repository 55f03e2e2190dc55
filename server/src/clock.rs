//! Time and randomness. The globals are forbidden everywhere else (clippy.toml), so that a test can say what time
//! it is and compare whole answers.

mod randomness;

use std::{fmt, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use ulid::Ulid;

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that asks the system"
        )]
        Self(Arc::new(Utc::now))
    }

    /// A clock that tells what `now` says.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time of day, in UTC.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }

    /// A point in monotonic time, for durations.
    pub fn instant(&self) -> Instant {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that asks the system"
        )]
        Instant::now()
    }

    /// The system's monotonic time in microseconds, as service managers compare it between processes.
    pub fn monotonic_microseconds(&self) -> i64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
    }

    /// A new ULID: an id that sorts by the time it was made.
    pub fn ulid(&self) -> Ulid {
        self.ulid_at(self.now())
    }

    /// A new ULID of something that happened at this time.
    pub fn ulid_at(&self, time: DateTime<Utc>) -> Ulid {
        let milliseconds = u64::try_from(time.timestamp_millis()).unwrap_or_default();
        Ulid::from_parts(milliseconds, u128::from_le_bytes(self.id_bytes()))
    }

    /// Bytes of the system's randomness, for a secret.
    ///
    /// # Panics
    /// When the system has none to give: nothing that depends on secrets may go on then.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        randomness::fill(&mut bytes);
        bytes
    }

    /// The same for an id, which need not be secret: the system is asked once for many ids.
    pub fn id_bytes<const N: usize>(&self) -> [u8; N] {
        randomness::for_id()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
