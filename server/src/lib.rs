//! Opens Stripe's hosted billing portal through one operation, `POST /v1/billing/portal`.
//!
//! A request flows one way:
//! `connection -> respond -> router -> portal (the operation) -> limits, auth, body -> return_url -> store -> stripe -> envelope`.

mod api_error;
pub mod api_key;
pub mod app;
mod audit;
mod auth;
mod body;
pub mod cli;
pub mod clock;
pub mod config;
mod connection;
mod docs;
mod document;
mod envelope;
mod json;
mod limits;
mod listener;
mod log;
mod metrics;
mod operations;
mod portal;
mod respond;
pub mod return_url;
mod router;
pub mod store;
mod stripe;
mod webhooks;
mod wire;

pub use stripe::Resolver;
