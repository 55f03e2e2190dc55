//! Memory for bodies that anybody may send: reserved as the bytes arrive, from a budget for all peers and a smaller one
//! for each.
//!
//! The first [`SMALL_BODY_BYTES`] of each body have a budget of their own, so that large bodies never keep out small
//! ones. When a budget is used up, the body that has been arriving for the longest time gives way: honest senders send
//! a body at once, so it is the sender that is slow on purpose.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::client_address::rate_limit_key;

/// The part of each body that has a budget of its own, in bytes. Nearly all of Stripe's events are smaller.
const SMALL_BODY_BYTES: usize = 64 * 1024;

/// How long a body waits for memory that complete bodies hold while they are processed. A webhook that waits this long
/// is still answered before Stripe gives up.
const RESERVE_TIMEOUT: Duration = Duration::from_secs(2);

/// An amount of memory, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Amount {
    /// For the first [`SMALL_BODY_BYTES`] of bodies.
    pub small: usize,
    /// For the rest of bodies.
    pub large: usize,
}

/// The memory that bodies may take, in all and for each peer.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    total: Amount,
    per_peer: Amount,
    used: Mutex<Used>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Used {
    in_all: Amount,
    by_peer: HashMap<IpAddr, Amount>,
    next_number: u64,
    /// The bodies, the one that began to arrive first at the beginning.
    bodies: BTreeMap<u64, Body>,
}

#[derive(Debug)]
struct Body {
    peer: IpAddr,
    holds: Amount,
    /// Cancelled when the body gives way. `None` when it is complete.
    gives_way: Option<CancellationToken>,
}

/// The memory that one body holds; dropping it returns the memory to the budget.
#[derive(Debug)]
pub(crate) struct BodyMemory<'a> {
    budget: &'a MemoryBudget,
    number: u64,
    gives_way: CancellationToken,
}

/// There is no memory for a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutOfMemory;

impl MemoryBudget {
    /// A budget of `total`, of which one peer gets at most `per_peer`.
    pub(crate) fn new(total: Amount, per_peer: Amount) -> Self {
        Self {
            total,
            per_peer,
            used: Mutex::default(),
            freed: Notify::new(),
        }
    }

    /// A body of `peer` begins to arrive. It holds no memory yet.
    pub(crate) fn begin(&self, peer: IpAddr) -> BodyMemory<'_> {
        let gives_way = CancellationToken::new();
        let mut used = self.lock();
        used.next_number += 1;
        let number = used.next_number;
        let body = Body {
            peer: rate_limit_key(peer),
            holds: Amount::default(),
            gives_way: Some(gives_way.clone()),
        };
        used.bodies.insert(number, body);
        BodyMemory {
            budget: self,
            number,
            gives_way,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves memory for a body that has grown to `bytes`. If there is none, other bodies give way.
    fn try_grow(&self, number: u64, bytes: usize) -> Result<(), OutOfMemory> {
        let mut used = self.lock();
        loop {
            let Some(body) = used.bodies.get(&number) else {
                return Err(OutOfMemory);
            };
            let (peer, more) = (body.peer, Amount::of(bytes).minus(body.holds));
            let of_peer = used.by_peer.get(&peer).copied().unwrap_or_default();
            let gave_way = if !of_peer.plus(more).fits(self.per_peer) {
                used.oldest_gives_way(number, more, Some(peer))
            } else if !used.in_all.plus(more).fits(self.total) {
                used.oldest_gives_way(number, more, None)
            } else {
                used.add(number, more);
                return Ok(());
            };
            if !gave_way {
                return Err(OutOfMemory);
            }
        }
    }
}

impl Used {
    fn add(&mut self, number: u64, more: Amount) {
        if let Some(body) = self.bodies.get_mut(&number) {
            body.holds = body.holds.plus(more);
            self.in_all = self.in_all.plus(more);
            let of_peer = self.by_peer.entry(body.peer).or_default();
            *of_peer = of_peer.plus(more);
        }
    }

    /// Takes its memory from the body, of this peer or of all, that began to arrive first and has what is wanted.
    fn oldest_gives_way(&mut self, wanting: u64, more: Amount, peer: Option<IpAddr>) -> bool {
        let is_eligible = |(number, body): &(&u64, &Body)| {
            let has_it = (more.small > 0 && body.holds.small > 0)
                || (more.large > 0 && body.holds.large > 0);
            let is_of_peer = peer.is_none_or(|peer| body.peer == peer);
            **number != wanting && body.gives_way.is_some() && has_it && is_of_peer
        };
        let Some(number) = self
            .bodies
            .iter()
            .find(is_eligible)
            .map(|(number, _)| *number)
        else {
            return false;
        };
        if let Some(gives_way) = self.remove(number) {
            gives_way.cancel();
        }
        true
    }

    fn remove(&mut self, number: u64) -> Option<CancellationToken> {
        let body = self.bodies.remove(&number)?;
        self.in_all = self.in_all.minus(body.holds);
        if let Some(of_peer) = self.by_peer.get_mut(&body.peer) {
            *of_peer = of_peer.minus(body.holds);
            if of_peer.is_empty() {
                self.by_peer.remove(&body.peer);
            }
        }
        body.gives_way
    }
}

impl BodyMemory<'_> {
    /// Reserves memory for a body that has grown to `bytes`. If complete bodies hold all of it, it waits for them.
    pub(crate) async fn grow(&self, bytes: usize) -> Result<(), OutOfMemory> {
        let growing = async {
            while self.budget.try_grow(self.number, bytes).is_err() {
                if self.gives_way.is_cancelled() {
                    return Err(OutOfMemory);
                }
                self.budget.freed.notified().await;
            }
            Ok(())
        };
        let grown = tokio::time::timeout(RESERVE_TIMEOUT, growing).await;
        grown.unwrap_or(Err(OutOfMemory))
    }

    /// Ends when the body has to give way to others.
    pub(crate) fn gives_way(&self) -> impl Future<Output = ()> {
        self.gives_way.clone().cancelled_owned()
    }

    /// The body is complete: it no longer gives way.
    pub(crate) fn complete(&self) {
        if let Some(body) = self.budget.lock().bodies.get_mut(&self.number) {
            body.gives_way = None;
        }
    }
}

impl Drop for BodyMemory<'_> {
    fn drop(&mut self) {
        self.budget.lock().remove(self.number);
        self.budget.freed.notify_waiters();
    }
}

impl Amount {
    fn of(bytes: usize) -> Self {
        let small = bytes.min(SMALL_BODY_BYTES);
        Self {
            small,
            large: bytes - small,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            small: self.small + other.small,
            large: self.large + other.large,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            small: self.small.saturating_sub(other.small),
            large: self.large.saturating_sub(other.large),
        }
    }

    fn fits(self, limit: Self) -> bool {
        self.small <= limit.small && self.large <= limit.large
    }

    fn is_empty(self) -> bool {
        self.small == 0 && self.large == 0
    }
}
