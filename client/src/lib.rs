#![doc = include_str!("../README.md")]

mod answer;
mod api_key;
#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
mod client;
#[cfg(feature = "test-util")]
mod documented;
mod error;
mod error_code;
pub mod errors;
mod exchange;
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
#[cfg(feature = "test-util")]
#[rustfmt::skip]
mod outcomes;
mod portal_url;
mod retry;
mod return_url;
mod session;
#[cfg(feature = "test-util")]
pub mod test_util;

pub use answer::{ApiError, UnexpectedAnswer};
pub use api_key::{ApiKey, Mode};
pub use call::CreatePortalSession;
pub use client::{Client, ClientBuilder};
pub use error::Error;
pub use error_code::ErrorCode;
pub use portal_url::PortalUrl;
pub use session::PortalSession;
pub use {chrono, http, reqwest};
