//! The groups of operations in the OpenAPI document.

use poem_openapi::Tags;

/// A group of operations.
#[derive(Tags)]
pub(crate) enum Tag {
    /// Everything about the organization's billing.
    Billing,
}
