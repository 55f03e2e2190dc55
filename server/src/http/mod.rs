//! HTTP as this service speaks it: connections, paths, bodies, envelopes, limits. It knows no billing.
//!
//! The modules are in the order in which a request meets them.

pub(crate) mod descriptors;

pub(crate) mod listener;

pub(crate) mod places;

pub(crate) mod connection;

pub(crate) mod framing;

pub(crate) mod router;

pub(crate) mod body;

pub(crate) mod strict_json;

pub(crate) mod envelope;

pub(crate) mod error_code;

pub(crate) mod api_error;

pub(crate) mod schema;

pub(crate) mod sampling;

pub(crate) mod rate_limit;

pub(crate) mod memory_budget;

pub(crate) mod client_address;

pub(crate) mod docs;

mod static_file;
