//! Who may have a connection: so many in all, so many for each peer. When all are taken, the longest idle connection
//! gives way, or else the one whose request has been coming for the longest time: an honest client sends the headers of
//! a request at once.

mod activity;
mod ending;
mod taken;

use std::{
    mem,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use prometheus::{IntCounter, IntGauge};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    client_address::{TrustedProxies, rate_limit_key},
    sampling::Sampler,
};
use activity::Activity;
pub(crate) use ending::{End, Ending};
use taken::Taken;

/// How many connections there may be.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimits {
    /// In all.
    pub total: usize,
    /// For each peer: an IPv4 address or the /64 of an IPv6 address.
    pub per_peer: usize,
    /// Peers that may have all: each is a proxy before many clients.
    pub trusted_proxies: Arc<TrustedProxies>,
}

impl ConnectionLimits {
    /// A share that is not smaller than all is none. A trusted proxy has no share: its clients have their own limits.
    fn have_share_for(&self, peer: IpAddr) -> bool {
        self.per_peer < self.total && !self.trusted_proxies.contains(peer)
    }
}

/// What is counted of connections.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionMetrics {
    /// Connections that are open.
    pub open: IntGauge,
    /// Connections that came when all were taken.
    pub met_total: IntCounter,
    /// Connections that came when their peer had its share.
    pub met_per_peer: IntCounter,
}

/// The places for the connections of one port.
#[derive(Debug)]
pub(crate) struct Places {
    limits: RwLock<ConnectionLimits>,
    metrics: ConnectionMetrics,
    taken: Mutex<Taken>,
    /// Orders the points at which connections changed.
    order: AtomicU64,
    /// Whether a new connection waits for a place.
    is_awaited: AtomicBool,
    freed: Notify,
    total_warnings: Sampler,
    peer_warnings: Sampler,
}

/// The place of one connection; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    number: u64,
    activity: Arc<Activity>,
    /// Whether the connection is listed as one with the beginning of a request.
    has_begun: AtomicBool,
    ending: Ending,
}

/// Which limits a new connection has met: each counts it once, however often it looks for a place.
#[derive(Default)]
struct LimitsMet {
    total: bool,
    per_peer: bool,
}

enum Attempt {
    Taken(Place),
    Refused,
    Full,
}

impl Places {
    pub(crate) fn new(limits: ConnectionLimits, metrics: ConnectionMetrics) -> Arc<Self> {
        Arc::new(Self {
            limits: RwLock::new(limits),
            metrics,
            taken: Mutex::default(),
            order: AtomicU64::default(),
            is_awaited: AtomicBool::default(),
            freed: Notify::new(),
            total_warnings: Sampler::default(),
            peer_warnings: Sampler::default(),
        })
    }

    /// Applies other limits to the connections that come from now on. Those that are open stay open.
    pub(crate) fn set_limits(&self, limits: ConnectionLimits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
        // More may fit now.
        self.freed.notify_one();
    }

    fn limits(&self) -> RwLockReadGuard<'_, ConnectionLimits> {
        self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection of `peer`, which closes with `listener`. If all are taken, it waits for one. `None` if
    /// the peer has its share and none of its connections is idle.
    pub(crate) async fn take(
        self: &Arc<Self>,
        peer: IpAddr,
        listener: &CancellationToken,
    ) -> Option<Place> {
        let mut met = LimitsMet::default();
        let place = loop {
            match self.try_take(peer, listener, &mut met) {
                Attempt::Taken(place) => break Some(place),
                Attempt::Refused => break None,
                // Looks again before it waits: a connection may have become idle before it saw that a place is awaited.
                Attempt::Full if !self.is_awaited.swap(true, Ordering::SeqCst) => {}
                Attempt::Full => self.freed.notified().await,
            }
        };
        self.is_awaited.store(false, Ordering::SeqCst);
        place
    }

    fn try_take(
        self: &Arc<Self>,
        peer: IpAddr,
        listener: &CancellationToken,
        met: &mut LimitsMet,
    ) -> Attempt {
        let key = rate_limit_key(peer);
        let (limits, mut taken) = (self.limits(), self.lock());
        if limits.have_share_for(peer) && taken.of_peer(key) >= limits.per_peer {
            if !mem::replace(&mut met.per_peer, true) {
                self.report_peer(peer, limits.per_peer);
            }
            if !taken.close_longest_idle(Some(key)) {
                return Attempt::Refused;
            }
        }
        if taken.count() >= limits.total {
            if !mem::replace(&mut met.total, true) {
                self.report_total(limits.total);
            }
            if !taken.close_longest_idle(None) && !taken.cut_longest_begun() {
                return Attempt::Full;
            }
        }
        let ending = Ending::with(listener);
        let (number, activity) = taken.add(key, self.now(), ending.clone());
        self.metrics.open.set(count(taken.count()));
        Attempt::Taken(Place {
            places: Arc::clone(self),
            number,
            activity,
            has_begun: AtomicBool::default(),
            ending,
        })
    }

    fn report_peer(&self, peer: IpAddr, limit: usize) {
        self.metrics.met_per_peer.inc();
        if let Some(left_out) = self.peer_warnings.count() {
            tracing::warn!(event = "peer_connection_limit", %peer, limit, left_out, "a peer has its share of the connections: one that it opens replaces its longest idle one, or is closed");
        }
    }

    fn report_total(&self, limit: usize) {
        self.metrics.met_total.inc();
        if let Some(left_out) = self.total_warnings.count() {
            tracing::warn!(
                event = "connection_limit",
                limit,
                left_out,
                "all connections are taken: a new one replaces the longest idle one, or the one whose headers have been coming for the longest time, or waits"
            );
        }
    }

    /// A point after all earlier ones.
    fn now(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }

    /// Says that a connection may give way, if a new one waits for that.
    fn offer_place(&self) {
        if self.is_awaited.load(Ordering::SeqCst) {
            self.freed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What ends the connection.
    pub(crate) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// Nothing of a request has come: the connection may give way.
    pub(crate) fn mark_idle(&self) {
        self.end_begun();
        if !self.activity.rest(self.places.now()) {
            self.places.lock().list_idle(self.number);
        }
        self.places.offer_place();
    }

    /// A request has begun, and its headers are not complete: the connection may give way if none is idle.
    pub(crate) fn mark_begun(&self) {
        self.activity.work();
        if !self.has_begun.swap(true, Ordering::Relaxed) {
            let now = self.places.now();
            self.places.lock().list_begun(self.number, now);
        }
        self.places.offer_place();
    }

    /// The headers of a request are complete: it is answered.
    pub(crate) fn mark_busy(&self) {
        self.activity.work();
        self.end_begun();
    }

    fn end_begun(&self) {
        // Most heads come in one piece, so that the connection was never listed.
        if self.has_begun.swap(false, Ordering::Relaxed) {
            self.places.lock().unlist_begun(self.number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.free(self.number);
        self.places.metrics.open.set(count(taken.count()));
        self.places.freed.notify_one();
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
