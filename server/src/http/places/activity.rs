//! Whether a connection is idle and since when, which the connection notes without a lock: each request changes it twice.
//!
//! The table of all connections has a list of the idle ones. A connection that becomes busy stays in it until the list is
//! read, which corrects it: so a lock is only taken when a connection becomes idle that is not in the list any more.

use std::sync::atomic::{AtomicU64, Ordering};

const IDLE: u64 = 1;
/// The connection is in the list of idle ones.
const LISTED: u64 = 2;
/// Above the flags: the point in the order of all points at which the connection became idle.
const SINCE_SHIFT: u32 = 2;

/// What one connection does. Only the connection changes whether it is idle; whether it is listed changes only under the
/// table's lock.
#[derive(Debug)]
pub(super) struct Activity(AtomicU64);

/// What the list of idle connections finds out about one that it has.
#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    /// It has been idle since the listed point.
    AsListed,
    /// It was busy and has been idle since another point.
    IdleSince(u64),
    /// It is busy, and now counts as not listed.
    Busy,
}

impl Activity {
    /// Of a new connection, which is idle and listed.
    pub(super) fn idle_since(since: u64) -> Self {
        Self(AtomicU64::new(since << SINCE_SHIFT | IDLE | LISTED))
    }

    /// Notes that the connection is idle; says whether it is still in the list.
    pub(super) fn rest(&self, since: u64) -> bool {
        let idle = since << SINCE_SHIFT | IDLE;
        let rest = |state| Some(idle | state & LISTED);
        let before = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, rest);
        before.unwrap_or_else(|state| state) & LISTED != 0
    }

    /// Notes that the connection is busy.
    pub(super) fn work(&self) {
        self.0.fetch_and(!IDLE, Ordering::SeqCst);
    }

    /// Notes that the connection is in the list, at the returned point. Under the table's lock.
    pub(super) fn list(&self) -> u64 {
        self.0.fetch_or(LISTED, Ordering::SeqCst) >> SINCE_SHIFT
    }

    /// Compares with the list, which has the connection at this point. Under the table's lock.
    pub(super) fn compare(&self, listed: u64) -> Seen {
        let delist = |state| (state & IDLE == 0).then_some(state & !LISTED);
        match self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, delist)
        {
            Ok(_) => Seen::Busy,
            Err(state) if state >> SINCE_SHIFT == listed => Seen::AsListed,
            Err(state) => Seen::IdleSince(state >> SINCE_SHIFT),
        }
    }
}
