//! The connections that have a place, and which of them gives way.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use tokio_util::sync::CancellationToken;

/// The connections that have a place.
#[derive(Debug, Default)]
pub(super) struct Taken {
    next_number: u64,
    connections: HashMap<u64, Connection>,
    by_peer: HashMap<IpAddr, usize>,
    /// The idle connections, the longest idle one first: when each became idle, and its number.
    idle: BTreeMap<u64, u64>,
    /// The same of connections with the beginning of a request, whose headers are not complete.
    begun: BTreeMap<u64, u64>,
}

#[derive(Debug)]
struct Connection {
    peer: IpAddr,
    /// Its key in `idle` or `begun`.
    since: Option<u64>,
    closing: CancellationToken,
    cut: CancellationToken,
}

impl Taken {
    pub(super) fn count(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn of_peer(&self, peer: IpAddr) -> usize {
        self.by_peer.get(&peer).copied().unwrap_or(0)
    }

    fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// A new connection is idle until its first byte has come.
    pub(super) fn add(
        &mut self,
        peer: IpAddr,
        closing: CancellationToken,
        cut: CancellationToken,
    ) -> u64 {
        let number = self.next_number();
        *self.by_peer.entry(peer).or_default() += 1;
        let connection = Connection {
            peer,
            since: None,
            closing,
            cut,
        };
        self.connections.insert(number, connection);
        self.mark_idle(number);
        number
    }

    /// Closes the longest idle connection, of this peer or of all. Its place is free at once: an idle connection closes
    /// without waiting for its client.
    pub(super) fn close_longest_idle(&mut self, peer: Option<IpAddr>) -> bool {
        let is_eligible = |number: &u64| {
            let connection = self.connections.get(number);
            connection.is_some_and(|connection| peer.is_none_or(|peer| connection.peer == peer))
        };
        let Some(number) = self.idle.values().copied().find(is_eligible) else {
            return false;
        };
        if let Some(connection) = self.take(number) {
            connection.closing.cancel();
        }
        true
    }

    /// Cuts the connection whose request has been coming for the longest time.
    pub(super) fn cut_longest_begun(&mut self) -> bool {
        let first = self.begun.values().next().copied();
        let connection = first.and_then(|number| self.take(number));
        if let Some(connection) = &connection {
            connection.cut.cancel();
        }
        connection.is_some()
    }

    /// Frees the place of a connection that has ended. It may have given way before.
    pub(super) fn remove(&mut self, number: u64) {
        self.take(number);
    }

    fn take(&mut self, number: u64) -> Option<Connection> {
        let connection = self.connections.remove(&number)?;
        if let Some(since) = connection.since {
            self.idle.remove(&since);
            self.begun.remove(&since);
        }
        if let Some(count) = self.by_peer.get_mut(&connection.peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&connection.peer);
            }
        }
        Some(connection)
    }

    pub(super) fn mark_idle(&mut self, number: u64) {
        self.mark_busy(number);
        let since = self.next_number();
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.since = Some(since);
            self.idle.insert(since, number);
        }
    }

    pub(super) fn mark_begun(&mut self, number: u64) {
        let since = self.next_number();
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        let was_idle = connection
            .since
            .is_none_or(|since| self.idle.remove(&since).is_some());
        if was_idle {
            connection.since = Some(since);
            self.begun.insert(since, number);
        }
    }

    pub(super) fn mark_busy(&mut self, number: u64) {
        let connection = self.connections.get_mut(&number);
        if let Some(since) = connection.and_then(|connection| connection.since.take()) {
            self.idle.remove(&since);
            self.begun.remove(&since);
        }
    }
}
