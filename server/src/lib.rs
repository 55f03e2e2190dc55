//! Opens Stripe's hosted billing portal through `POST /v1/billing/portal`.
//!
//! A request flows one way:
//! `connection -> request_layer -> router -> portal (the operation) -> extract (permit, auth -> store, body) -> return_url -> stripe -> envelope`.

// Starts and stops the service.
pub mod cli;
pub mod config;
mod configuration_watch;
mod database_watch;
mod lease_watch;
mod service;

// The way of a request.
mod api_routes;
mod app;
mod auth;
mod extract;
mod portal;
mod portal_options;
mod ports;
mod request_context;
mod request_layer;
#[expect(
    clippy::unused_async,
    reason = "poem-openapi requires operations to be async"
)]
mod return_origins;
pub mod return_url;
mod tag;

// Other ways in.
mod declared_openapi;
mod operations;
mod webhooks;

// What the operation uses.
mod api_key;
mod error_mapping;
mod explanation;
mod store;
mod stripe;

// What all of them use.
mod audit;
mod certificate_authorities;
pub mod clock;
mod escaping;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz_targets;
mod http;
mod ids;
mod log;
mod metrics;
mod nearest;
mod redaction;
pub mod runtime;
mod traces;

#[doc(hidden)]
pub use explanation::error_codes;
#[doc(hidden)]
pub use log::captured_log;
pub use service::{Reloaded, Service, StartError, start};
pub use stripe::Resolver;
#[doc(hidden)]
pub use stripe::{CauseDescription, Severity, descriptions as causes_of_502};
