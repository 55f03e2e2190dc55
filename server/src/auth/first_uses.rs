//! Keys that are looked up for the first time: of several callers who begin to use one key together, the first looks it
//! up, and the others wait for that.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::api_key::ApiKeyHash;

/// The look-ups under way. There is one for each key, while somebody waits for it.
#[derive(Clone, Default)]
pub(super) struct FirstUses(Arc<Mutex<UnderWay>>);

/// Nothing is sent: what those who wait see is the end of the sender.
type UnderWay = HashMap<ApiKeyHash, watch::Receiver<()>>;

/// A caller's part in a look-up.
pub(super) enum Part {
    /// It looks the key up.
    First(FirstUse),
    /// It waits until the first has done so, or has given up.
    Other(watch::Receiver<()>),
}

/// The look-up of the first. Its end, however it ends, wakes all others at once.
#[derive(Debug)]
pub(super) struct FirstUse {
    key: ApiKeyHash,
    under_way: Arc<Mutex<UnderWay>>,
    _sender: watch::Sender<()>,
}

/// The turn to look up a key that is not known to be good.
#[derive(Debug)]
pub(crate) struct LookUpTurn {
    _first_use: FirstUse,
    _permit: OwnedSemaphorePermit,
}

impl FirstUse {
    /// The turn, with the permit for one of the few look-ups at a time.
    pub(super) fn with(self, permit: OwnedSemaphorePermit) -> LookUpTurn {
        LookUpTurn {
            _first_use: self,
            _permit: permit,
        }
    }
}

impl FirstUses {
    /// The part of a caller who comes now.
    pub(super) fn join(&self, key: ApiKeyHash) -> Part {
        match lock(&self.0).entry(key) {
            Entry::Occupied(under_way) => Part::Other(under_way.get().clone()),
            Entry::Vacant(nobody) => {
                let (sender, receiver) = watch::channel(());
                nobody.insert(receiver);
                Part::First(FirstUse {
                    key,
                    under_way: Arc::clone(&self.0),
                    _sender: sender,
                })
            }
        }
    }
}

impl Drop for FirstUse {
    fn drop(&mut self) {
        // Before the sender goes: whom that wakes does not find this look-up again.
        lock(&self.under_way).remove(&self.key);
    }
}

fn lock(under_way: &Mutex<UnderWay>) -> MutexGuard<'_, UnderWay> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api_key::ApiKey, clock::Clock, ids::Mode};

    fn key() -> ApiKeyHash {
        ApiKey::generate(Mode::Live, &Clock::system()).hash()
    }

    fn first(uses: &FirstUses, key: ApiKeyHash) -> Option<FirstUse> {
        match uses.join(key) {
            Part::First(first) => Some(first),
            Part::Other(_) => None,
        }
    }

    #[tokio::test]
    async fn the_end_of_the_first_wakes_the_others_and_one_of_them_is_the_next() {
        let (uses, key) = (FirstUses::default(), key());
        let leaves = first(&uses, key).expect("nobody was there");
        let others = [uses.join(key), uses.join(key)];
        drop(leaves);
        for other in others {
            let Part::Other(mut waiting) = other else {
                panic!("somebody was there");
            };
            assert!(waiting.changed().await.is_err(), "the sender has gone");
        }
        let _next = first(&uses, key).expect("nobody is there");
        assert!(first(&uses, key).is_none());
    }

    #[test]
    fn each_key_has_its_own_and_nothing_is_kept() {
        let uses = FirstUses::default();
        let all: Vec<_> = (0..10).map(|_| first(&uses, key())).collect();
        assert!(all.iter().all(Option::is_some));
        assert_eq!(lock(&uses.0).len(), 10);
        drop(all);
        assert!(lock(&uses.0).is_empty());
    }
}
