//! SDK for `POST /v1/billing/portal`.

mod answer;
mod api_key;
mod call;
mod client;
mod error;
mod error_code;
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
mod portal_url;
mod retry;
mod return_url;
mod session;

pub use answer::{ApiError, UnexpectedAnswer};
pub use api_key::{ApiKey, Mode};
pub use call::CreatePortalSession;
pub use client::{Client, ClientBuilder};
pub use error::Error;
pub use error_code::ErrorCode;
pub use portal_url::PortalUrl;
pub use session::PortalSession;
pub use {chrono, http};
