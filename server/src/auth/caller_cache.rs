//! The callers of keys that were looked up, so that a key in use costs the database nothing.

use std::{sync::Arc, time::Duration};

use moka::{future, sync};

use crate::{
    api_key::ApiKeyHash,
    clock::Clock,
    metrics::{Metrics, label},
    store::{Caller, Store, StoreError},
};

/// Cached look-ups, found and not found. An entry takes less than a KiB.
const MAX_CACHED_CALLERS: u64 = 10_000;
/// How long an unused look-up is kept.
const IDLE_TTL: Duration = Duration::from_mins(10);
/// Look-ups that callers who came at the same time share.
const MAX_SHARED_LOOK_UPS: u64 = 1_000;
/// Longer than a look-up takes, whose result the first of the callers caches.
const SHARED_TTL: Duration = Duration::from_secs(1);

/// The result of a look-up: that of a key that does not exist, too.
type Found = Option<Arc<Caller>>;

/// The look-ups, each with the generation of the store in which it began. Any change of the database begins another
/// generation, so a look-up that began before a change is not used after it, however late it ended.
#[derive(Clone)]
pub(super) struct CallerCache {
    store: Store,
    clock: Clock,
    metrics: Arc<Metrics>,
    found: sync::Cache<ApiKeyHash, (u64, Found)>,
    shared: future::Cache<(ApiKeyHash, u64), Found>,
}

impl CallerCache {
    pub(super) fn new(store: Store, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            clock,
            metrics,
            found: sync::Cache::builder()
                .max_capacity(MAX_CACHED_CALLERS)
                .time_to_idle(IDLE_TTL)
                .build(),
            shared: future::Cache::builder()
                .max_capacity(MAX_SHARED_LOOK_UPS)
                .time_to_live(SHARED_TTL)
                .build(),
        }
    }

    /// The caller of the key. While it is not known whether the database has changed, it is asked each time.
    pub(super) async fn find(&self, hash: ApiKeyHash) -> Result<Found, Arc<StoreError>> {
        let Some(generation) = self.store.cache_generation() else {
            self.metrics.key_cache_misses.inc();
            return self.read(&hash).await.map_err(Arc::new);
        };
        if let Some((found_in, found)) = self.found.get(&hash)
            && found_in == generation
        {
            self.metrics.key_cache_hits.inc();
            return Ok(found);
        }
        self.metrics.key_cache_misses.inc();
        let read = self.read(&hash);
        // Boxed, so that a request whose key is cached has no room for it.
        let shared = Box::pin(self.shared.try_get_with((hash, generation), read));
        let found = shared.await?;
        self.found.insert(hash, (generation, found.clone()));
        Ok(found)
    }

    async fn read(&self, hash: &ApiKeyHash) -> Result<Found, StoreError> {
        // Boxed, so that a request whose key is cached has no room for it.
        let found = Box::pin(self.metrics.database(
            &self.clock,
            label::FIND_CALLER,
            self.store.find_caller(hash),
        ));
        let found = found.await?;
        Ok(found.map(Arc::new))
    }
}
