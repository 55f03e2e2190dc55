//! Who may have a connection: so many in all, so many for each peer. When all are taken, the longest idle connection
//! gives way, or else the one whose request has been coming for the longest time: an honest client sends the headers of
//! a request at once.

mod taken;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
};

use prometheus::{IntCounter, IntGauge};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    client_address::{TrustedProxies, rate_limit_key},
    sampling::Sampler,
};
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
    freed: Notify,
    total_warnings: Sampler,
    peer_warnings: Sampler,
}

/// The place of one connection; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    number: u64,
    closing: CancellationToken,
    cut: CancellationToken,
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
        loop {
            match self.try_take(peer, listener) {
                Attempt::Taken(place) => return Some(place),
                Attempt::Refused => return None,
                Attempt::Full => self.freed.notified().await,
            }
        }
    }

    fn try_take(self: &Arc<Self>, peer: IpAddr, listener: &CancellationToken) -> Attempt {
        let key = rate_limit_key(peer);
        let (limits, mut taken) = (self.limits(), self.lock());
        if limits.have_share_for(peer) && taken.of_peer(key) >= limits.per_peer {
            self.report_peer(peer, limits.per_peer);
            if !taken.close_longest_idle(Some(key)) {
                return Attempt::Refused;
            }
        }
        if taken.count() >= limits.total {
            self.report_total(limits.total);
            if !taken.close_longest_idle(None) && !taken.cut_longest_begun() {
                return Attempt::Full;
            }
        }
        let closing = listener.child_token();
        let cut = CancellationToken::new();
        let number = taken.add(key, closing.clone(), cut.clone());
        self.metrics.open.set(count(taken.count()));
        Attempt::Taken(Place {
            places: Arc::clone(self),
            number,
            closing,
            cut,
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

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Cancelled when the connection is to close after the request in progress.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Cancelled when the connection has to give way at once.
    pub(crate) fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// Nothing of a request has come: the connection may give way.
    pub(crate) fn mark_idle(&self) {
        self.places.lock().mark_idle(self.number);
        self.places.freed.notify_one();
    }

    /// A request has begun, and its headers are not complete: the connection may give way if none is idle.
    pub(crate) fn mark_begun(&self) {
        self.places.lock().mark_begun(self.number);
        self.places.freed.notify_one();
    }

    /// The headers of a request are complete: it is answered.
    pub(crate) fn mark_busy(&self) {
        self.places.lock().mark_busy(self.number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.remove(self.number);
        self.places.metrics.open.set(count(taken.count()));
        self.places.freed.notify_one();
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
