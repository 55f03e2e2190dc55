//! The one task for which a portal opens.

use crate::generated::types;

/// The one task for which a portal opens; see [`CreatePortalSession::flow`](crate::CreatePortalSession::flow).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flow {
    /// Entering a new payment method, which becomes the default.
    PaymentMethodUpdate,
    /// Editing the billing details.
    CustomerUpdate,
}

impl From<Flow> for types::Flow {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::PaymentMethodUpdate => Self::PaymentMethodUpdate,
            Flow::CustomerUpdate => Self::CustomerUpdate,
        }
    }
}
