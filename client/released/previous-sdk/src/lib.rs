#![doc = include_str!("../README.md")]

// How a client is made.
mod base_url;
mod builder;
mod client;
mod http_client;
mod settings;

// How a call is sent.
mod call;
mod exchange;
mod hooks;
mod retry;
mod return_url;
#[rustfmt::skip]
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    dead_code,
    unreachable_pub,
    reason = "as progenitor writes it, private to this crate"
)]
mod generated;

// How an answer is read.
mod response;
mod retry_after;
mod session;
mod text;

// What a caller holds.
mod api_error;
mod api_key;
mod error;
mod error_code;
pub mod errors;
mod portal_url;
mod unexpected_answer;

// The optional parts.
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "test-util")]
mod documented;
#[cfg(feature = "test-util")]
#[rustfmt::skip]
mod outcomes;
#[cfg(feature = "test-util")]
pub mod test_util;

pub use api_error::ApiError;
pub use api_key::{ApiKey, Mode};
pub use builder::ClientBuilder;
pub use call::CreatePortalSession;
pub use client::Client;
pub use error::Error;
pub use error_code::ErrorCode;
pub use portal_url::PortalUrl;
pub use session::PortalSession;
pub use unexpected_answer::UnexpectedAnswer;
pub use {chrono, http, reqwest};
