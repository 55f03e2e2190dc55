//! What all of Stripe's objects have in common: how an update changes them, and when they were created.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// Changes an object as an update at Stripe does: objects are merged, everything else is replaced.
pub(super) fn merge(into: &mut Value, change: &Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (name, value) in change {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value.clone(),
    }
}

/// Seconds since 1970.
pub(super) fn unix_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
