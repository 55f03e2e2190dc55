//! Log lines about what may happen many times a second: one a minute, with the number of those that were left out.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often the same kind of event is logged. An operator needs to know that it goes on, not each time that it does.
const INTERVAL: Duration = Duration::from_mins(1);

/// Decides which events of one kind are logged.
#[derive(Debug, Default)]
pub(crate) struct Sampler(Mutex<Option<Logged>>);

#[derive(Debug)]
struct Logged {
    at: Instant,
    left_out: u64,
}

impl Sampler {
    /// Counts an event. If it is to be logged: how many were left out since the last that was.
    pub(crate) fn count(&self) -> Option<u64> {
        let now = Instant::now();
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match logged.as_mut() {
            Some(last) if now.duration_since(last.at) < INTERVAL => {
                last.left_out += 1;
                None
            }
            last => {
                let left_out = last.map_or(0, |last| last.left_out);
                *logged = Some(Logged {
                    at: now,
                    left_out: 0,
                });
                Some(left_out)
            }
        }
    }
}
