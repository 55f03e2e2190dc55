//! How many connections the system's limit on open files allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is kept for each connection to Stripe that is in use: one more may be closing or resolving a name.
const PER_STRIPE_CALL: u64 = 2;
/// What is kept for the database: four connections with the file, its log and its index each.
const DATABASE: u64 = 16;
/// What is kept for all else: the log, the ports, timers, files that hold secrets, certificates.
const OTHER: u64 = 32;
/// A limit that is smaller than the reserve needs is divided: one half for connections.
const SMALLEST_SHARE: u64 = 2;

/// Open files that the API's connections may not use.
pub(crate) fn reserve(stripe_calls: u32, operations_connections: u32) -> u64 {
    u64::from(stripe_calls) * PER_STRIPE_CALL + u64::from(operations_connections) + DATABASE + OTHER
}

/// Raises the soft limit on open files, if `connections` and `reserve` need more and the hard limit allows it. Answers
/// how many connections fit beside the reserve.
pub(crate) fn raise(connections: u32, reserve: u64) -> u32 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::from(connections) + reserve;
    let soft = limit.current.unwrap_or(u64::MAX);
    let allowed = wanted.min(limit.maximum.unwrap_or(u64::MAX));
    let raised = Rlimit {
        current: Some(allowed),
        ..limit
    };
    let soft = if allowed > soft && setrlimit(Resource::Nofile, raised).is_ok() {
        allowed
    } else {
        soft
    };
    let fit = soft
        .saturating_sub(reserve)
        .max(soft / SMALLEST_SHARE)
        .max(1);
    let fit = u32::try_from(fit).unwrap_or(u32::MAX).min(connections);
    if fit < connections {
        tracing::warn!(
            event = "open_file_limit",
            limit = soft,
            reserve,
            max_connections = connections,
            connections = fit,
            "the system's limit on open files allows fewer connections than max_connections: raise the hard limit, or lower the setting"
        );
    }
    fit
}
