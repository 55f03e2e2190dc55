//! Every call to Stripe. HTTP goes out from here and from nowhere else in the service.
//!
//! Invariants: of what Stripe wrote, only the portal's URL reaches a caller, and only on success. Stripe's free text and
//! the URL never reach the log. A call is never retried with another idempotency key, nor after its deadline.

mod answer;
mod attempt;
mod attempt_error;
mod attempt_step;
mod breaker;
mod call;
mod call_limiter;
mod call_outcome;
mod cause;
mod client;
mod configuration_rules;
mod connector;
mod customers;
mod error;
mod for_profile;
mod missing_customers;
mod network_failure;
mod portal_configuration;
mod portal_url;
mod probe;
mod profile;
mod rate_share;
mod repetition;
mod resolver;
mod response;
mod retry_budget;
mod session;
mod session_request;
mod session_response;
mod successor;
mod verification;

pub(crate) use attempt::SetupError;
pub(crate) use cause::UpstreamCause;
pub use cause::{CauseDescription, Severity, descriptions};
pub(crate) use client::Stripe;
pub(crate) use configuration_rules::Verification;
pub(crate) use customers::{Cursor, CustomerPage, StripeCustomer};
pub(crate) use error::StripeError;
pub(crate) use portal_url::PortalUrl;
pub(crate) use probe::{Probe, Stage};
pub(crate) use repetition::Repetition;
pub use resolver::Resolver;
#[cfg(feature = "fuzzing")]
pub(crate) use session::fuzz_target;
pub(crate) use session::{OpenedSession, SessionError, SessionRecord};
pub(crate) use session_request::SessionRequest;
