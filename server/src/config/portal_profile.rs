//! A portal profile: what the portal of some organizations shows, and what its customers may change about themselves. No
//! profile can turn on a feature that changes plans.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The profile of the organizations that have no other.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// What the portals of a profile show and permit. What is not set stays as it is at Stripe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PortalProfile {
    /// The text above the portal, of at most 60 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headline: Option<String>,
    /// The https URL of your privacy policy, which the portal links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy_policy_url: Option<String>,
    /// The https URL of your terms of service, which the portal links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service_url: Option<String>,
    /// The https URL to which the portal returns if a session has none of its own. Sessions of this service always have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_return_url: Option<String>,
    /// What customers may change about themselves. Default: `name`, `address`, `phone` and `tax_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_updates: Option<BTreeSet<CustomerUpdate>>,
    /// The id of the configuration of payment methods at Stripe, `pmc_…`, which decides what the card form offers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method_configuration: Option<String>,
}

/// What a customer may change.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CustomerUpdate {
    /// The name.
    Name,
    /// The e-mail address. An integration that finds customers by it must not let them change it.
    Email,
    /// The billing address.
    Address,
    /// The shipping address.
    Shipping,
    /// The phone number.
    Phone,
    /// The tax ids.
    TaxId,
}

impl CustomerUpdate {
    /// As Stripe spells it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Address => "address",
            Self::Shipping => "shipping",
            Self::Phone => "phone",
            Self::TaxId => "tax_id",
        }
    }
}
