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

/// While it is not known whether the database has changed, a key is looked up once in this time. It is short beside the
/// second in which a change is seen, and long beside the time between two calls of a key that is used much.
const UNSURE_INTERVAL: Duration = Duration::from_millis(100);

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
    shared: future::Cache<(ApiKeyHash, Moment), Found>,
}

/// When a look-up that several callers share began.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Moment {
    /// In this generation of the store.
    Generation(u64),
    /// In this [`UNSURE_INTERVAL`] since 1970, while it is not known whether the database has changed.
    Unsure(i64),
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

    /// The caller of the key. While it is not known whether the database has changed, it is asked again and again.
    pub(super) async fn find(&self, hash: ApiKeyHash) -> Result<Found, Arc<StoreError>> {
        let Some(generation) = self.store.cache_generation() else {
            let interval = i64::try_from(UNSURE_INTERVAL.as_millis()).unwrap_or(i64::MAX);
            let now = self.clock.now().timestamp_millis();
            return self.look_up(hash, Moment::Unsure(now / interval)).await;
        };
        if let Some((found_in, found)) = self.found.get(&hash)
            && found_in == generation
        {
            self.metrics.key_cache_hits.inc();
            return Ok(found);
        }
        let found = self.look_up(hash, Moment::Generation(generation)).await?;
        self.found.insert(hash, (generation, found.clone()));
        Ok(found)
    }

    /// Looks the key up, once for all callers of a moment.
    async fn look_up(&self, hash: ApiKeyHash, moment: Moment) -> Result<Found, Arc<StoreError>> {
        self.metrics.key_cache_misses.inc();
        let read = self.read(&hash);
        // Boxed, so that a request whose key is cached has no room for it.
        Box::pin(self.shared.try_get_with((hash, moment), read)).await
    }

    /// Whether the caller of the key is known without the database.
    pub(super) fn knows(&self, hash: &ApiKeyHash) -> bool {
        let generation = self.store.cache_generation();
        generation.is_some_and(|generation| {
            let found = self.found.get(hash);
            found.is_some_and(|(found_in, _)| found_in == generation)
        })
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
