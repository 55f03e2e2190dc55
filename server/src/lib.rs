//! Opens Stripe's hosted billing portal through one operation, `POST /v1/billing/portal`.
//!
//! A request flows one way:
//! `connection -> request_layer -> router -> portal (the operation) -> limits, auth, body -> return_url -> store -> stripe -> envelope`.

pub mod api_key;
pub mod app;
mod audit;
mod auth;
pub mod cli;
pub mod clock;
pub mod config;
mod declared_openapi;
mod http;
mod limits;
mod log;
mod metrics;
mod operations;
mod portal;
mod request_layer;
pub mod return_url;
pub mod store;
mod stripe;
mod webhooks;

pub use stripe::Resolver;
