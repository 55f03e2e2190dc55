//! The connections that have a place, and which of them gives way.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use super::{
    activity::{Activity, Seen},
    ending::Ending,
};

/// The connections that have a place.
#[derive(Debug, Default)]
pub(super) struct Taken {
    last_number: u64,
    connections: HashMap<u64, Connection>,
    by_peer: HashMap<IpAddr, usize>,
    /// The idle connections, the longest idle one first: when each became idle, and its number. Some have become busy since,
    /// or busy and idle again.
    idle: BTreeMap<u64, u64>,
    /// Connections with the beginning of a request, whose headers are not complete.
    begun: BTreeMap<u64, u64>,
}

#[derive(Debug)]
struct Connection {
    peer: IpAddr,
    activity: Arc<Activity>,
    /// Its key in `idle`.
    idle_key: Option<u64>,
    /// Its key in `begun`.
    begun_key: Option<u64>,
    ending: Ending,
}

impl Taken {
    pub(super) fn count(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn of_peer(&self, peer: IpAddr) -> usize {
        self.by_peer.get(&peer).copied().unwrap_or(0)
    }

    /// A new connection is idle until its first byte has come.
    pub(super) fn add(&mut self, peer: IpAddr, now: u64, ending: Ending) -> (u64, Arc<Activity>) {
        self.last_number += 1;
        let number = self.last_number;
        *self.by_peer.entry(peer).or_default() += 1;
        let activity = Arc::new(Activity::idle_since(now));
        let connection = Connection {
            peer,
            activity: Arc::clone(&activity),
            idle_key: Some(now),
            begun_key: None,
            ending,
        };
        self.connections.insert(number, connection);
        self.idle.insert(now, number);
        (number, activity)
    }

    /// Closes the longest idle connection, of this peer or of all. Its place is free at once: an idle connection closes
    /// without waiting for its client.
    pub(super) fn close_longest_idle(&mut self, peer: Option<IpAddr>) -> bool {
        let mut from = 0;
        while let Some((&key, &number)) = self.idle.range(from..).next() {
            let connection = self.connections.get_mut(&number);
            let connection = connection.expect("a connection is listed until it is removed");
            match connection.activity.compare(key) {
                Seen::AsListed if peer.is_none_or(|peer| connection.peer == peer) => {
                    connection.ending.close();
                    self.remove(number);
                    return true;
                }
                Seen::AsListed => from = key + 1,
                Seen::IdleSince(since) => {
                    connection.idle_key = Some(since);
                    self.idle.remove(&key);
                    self.idle.insert(since, number);
                }
                Seen::Busy => {
                    connection.idle_key = None;
                    self.idle.remove(&key);
                }
            }
        }
        false
    }

    /// Cuts the connection whose request has been coming for the longest time.
    pub(super) fn cut_longest_begun(&mut self) -> bool {
        let first = self.begun.values().next().copied();
        let connection = first.and_then(|number| self.remove(number));
        if let Some(connection) = &connection {
            connection.ending.cut();
        }
        connection.is_some()
    }

    /// Frees the place of a connection that has ended. It may have given way before.
    pub(super) fn free(&mut self, number: u64) {
        self.remove(number);
    }

    fn remove(&mut self, number: u64) -> Option<Connection> {
        let connection = self.connections.remove(&number)?;
        if let Some(key) = connection.idle_key {
            self.idle.remove(&key);
        }
        if let Some(key) = connection.begun_key {
            self.begun.remove(&key);
        }
        if let Some(count) = self.by_peer.get_mut(&connection.peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&connection.peer);
            }
        }
        Some(connection)
    }

    /// Lists an idle connection that is not in the list.
    pub(super) fn list_idle(&mut self, number: u64) {
        if let Some(connection) = self.connections.get_mut(&number) {
            let key = connection.activity.list();
            connection.idle_key = Some(key);
            self.idle.insert(key, number);
        }
    }

    pub(super) fn list_begun(&mut self, number: u64, now: u64) {
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.begun_key = Some(now);
            self.begun.insert(now, number);
        }
    }

    pub(super) fn unlist_begun(&mut self, number: u64) {
        let connection = self.connections.get_mut(&number);
        if let Some(key) = connection.and_then(|connection| connection.begun_key.take()) {
            self.begun.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::{
            Mutex,
            atomic::{AtomicU64, Ordering},
        },
        thread,
    };

    use tokio_util::sync::CancellationToken;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn added(taken: &mut Taken, now: u64) -> (u64, Arc<Activity>, Ending) {
        let ending = Ending::with(&CancellationToken::new());
        let (number, activity) = taken.add(PEER, now, ending.clone());
        (number, activity, ending)
    }

    fn closed(connections: &[(u64, Arc<Activity>, Ending)]) -> Vec<bool> {
        let closed = connections
            .iter()
            .map(|(_, _, ending)| ending.is_signalled());
        closed.collect()
    }

    #[test]
    fn longest_idle_connection_is_found_although_the_list_is_older() {
        let mut taken = Taken::default();
        let all = [1, 2, 3].map(|now| added(&mut taken, now));
        // The first was busy in between, the second is busy.
        all[0].1.work();
        assert!(all[0].1.rest(4), "still listed");
        all[1].1.work();
        assert!(taken.close_longest_idle(None));
        assert_eq!(closed(&all), [false, false, true]);
        assert!(taken.close_longest_idle(None));
        assert_eq!(closed(&all), [true, false, true]);
        assert!(!taken.close_longest_idle(None));
        // The second was taken out of the list, and is put back.
        assert!(!all[1].1.rest(5), "not listed");
        assert!(!taken.close_longest_idle(None));
        taken.list_idle(all[1].0);
        assert!(taken.close_longest_idle(None));
        assert_eq!(closed(&all), [true, true, true]);
        assert_eq!((taken.count(), taken.idle.len()), (0, 0));
    }

    /// Connections work and rest while idle ones are closed again and again: none that is idle is lost from the list.
    #[test]
    fn idle_connections_stay_listed_while_they_change() {
        let taken = Mutex::new(Taken::default());
        let clock = AtomicU64::new(1);
        let now = || clock.fetch_add(1, Ordering::Relaxed);
        let lock = || taken.lock().expect("no panic");
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let all: Vec<_> = (0..200).map(|_| added(&mut lock(), now())).collect();
                    for (number, activity, _) in all.iter().cycle().take(20_000) {
                        activity.work();
                        if !activity.rest(now()) {
                            lock().list_idle(*number);
                        }
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..300 {
                    lock().close_longest_idle(None);
                    thread::yield_now();
                }
            });
        });
        let mut taken = lock();
        while taken.close_longest_idle(Some(PEER)) {}
        assert_eq!((taken.count(), taken.idle.len()), (0, 0));
    }
}
