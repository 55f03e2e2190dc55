//! Memory for bodies that anybody may send: a budget for all peers, and a smaller one for each.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::client_address::rate_limit_key;

/// Peers whose budget is remembered. Some thousands of networks at once are an attack; 50,000 entries take a few MiB.
const MAX_TRACKED_PEERS: usize = 50_000;

/// The least that a body reserves: connections and headers take memory too, so that small bodies are not free.
const MIN_RESERVATION_KIB: usize = 16;

/// How long a body waits for memory. A webhook that waits this long and is then read within three seconds is still
/// answered before Stripe gives up.
const RESERVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The memory that bodies may take, in all and for each peer. Each peer has less than all, so that a peer that sends
/// slowly on purpose does not keep the others out.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    total: Semaphore,
    by_peer: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    per_peer_kib: usize,
}

/// Reserved memory; dropping it returns the memory to the budget.
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    _of_total: SemaphorePermit<'a>,
    _of_peer: OwnedSemaphorePermit,
}

impl MemoryBudget {
    /// A budget of `total_kib`, of which one peer gets at most `per_peer_kib`.
    pub(crate) fn new(total_kib: usize, per_peer_kib: usize) -> Self {
        Self {
            total: Semaphore::new(total_kib),
            by_peer: Mutex::default(),
            per_peer_kib,
        }
    }

    /// Reserves memory for a body of `bytes`. `None` when there is none within [`RESERVE_TIMEOUT`], or when the peer
    /// has no address.
    pub(crate) async fn reserve(
        &self,
        peer: Option<IpAddr>,
        bytes: usize,
    ) -> Option<Reservation<'_>> {
        let of_peer = self.budget_of(rate_limit_key(peer?));
        let kib = u32::try_from(bytes.div_ceil(1024).max(MIN_RESERVATION_KIB)).ok()?;
        let reserving = async {
            Some(Reservation {
                _of_peer: of_peer.acquire_many_owned(kib).await.ok()?,
                _of_total: self.total.acquire_many(kib).await.ok()?,
            })
        };
        tokio::time::timeout(RESERVE_TIMEOUT, reserving)
            .await
            .ok()
            .flatten()
    }

    fn budget_of(&self, peer: IpAddr) -> Arc<Semaphore> {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if by_peer.len() > MAX_TRACKED_PEERS {
            // Removes those that nobody holds or waits for.
            by_peer.retain(|_, budget| Arc::strong_count(budget) > 1);
        }
        let full = || Arc::new(Semaphore::new(self.per_peer_kib));
        Arc::clone(by_peer.entry(peer).or_insert_with(full))
    }
}
