//! Every outcome of a webhook delivery, in one table: its name in the log and in the metrics, and whether a person must
//! look at it.

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebhookOutcome {
    /// The event was applied.
    Applied,
    /// The event had been applied before.
    Repeated,
    /// Something newer is known.
    Older,
    /// The customer is not the organization's customer; an operator has to decide.
    CustomerConflict,
    /// The same, and an operator has decided.
    ResolvedConflict,
    /// The customer was deleted at Stripe.
    DeletedCustomer,
    /// The organization does not exist here.
    UnknownOrganization,
    /// The portal configuration is verified again.
    ConfigurationRecheck,
    /// The event is about a portal configuration that is not in use here.
    OtherConfiguration,
    /// The event is about test mode and the deployment is live, or the reverse.
    OtherMode,
    /// The event is about another Stripe account.
    OtherAccount,
    /// The event has a type that is not used.
    OtherType,
    /// A thin event, which has other fields.
    ThinEvent,
    /// The event names no customer.
    NoCustomer,
    /// The event names no organization.
    NoOrganization,
    /// What the event names as the organization cannot be an id.
    MalformedOrganization,
    /// The checkout is neither a subscription nor paid.
    UnpaidCheckout,
    /// The event is dated later than our clock can be wrong.
    FutureEvent,
    /// The signature does not match. Refused.
    InvalidSignature,
    /// The delivery is no event. Refused.
    Malformed,
    /// The database did not respond, or too many webhooks arrive at once. Stripe delivers it again.
    StoreUnavailable,
}

impl WebhookOutcome {
    /// Every outcome.
    const ALL: [Self; 21] = [
        Self::Applied,
        Self::Repeated,
        Self::Older,
        Self::CustomerConflict,
        Self::ResolvedConflict,
        Self::DeletedCustomer,
        Self::UnknownOrganization,
        Self::ConfigurationRecheck,
        Self::OtherConfiguration,
        Self::OtherMode,
        Self::OtherAccount,
        Self::OtherType,
        Self::ThinEvent,
        Self::NoCustomer,
        Self::NoOrganization,
        Self::MalformedOrganization,
        Self::UnpaidCheckout,
        Self::FutureEvent,
        Self::InvalidSignature,
        Self::Malformed,
        Self::StoreUnavailable,
    ];

    /// The table: name, and whether a person must look at it. No wildcard, so that a new outcome needs both.
    #[rustfmt::skip]
    const fn row(self) -> (&'static str, bool) {
        match self {
            Self::Applied               => ("applied",                false),
            Self::Repeated              => ("repeated",               false),
            Self::Older                 => ("older",                  false),
            Self::CustomerConflict      => ("customer_conflict",      true),
            Self::ResolvedConflict      => ("resolved_conflict",      false),
            Self::DeletedCustomer       => ("deleted_customer",       false),
            Self::UnknownOrganization   => ("unknown_organization",   false),
            Self::ConfigurationRecheck  => ("configuration_recheck",  false),
            Self::OtherConfiguration    => ("other_configuration",    false),
            Self::OtherMode             => ("other_mode",             false),
            Self::OtherAccount          => ("other_account",          false),
            Self::OtherType             => ("other_type",             false),
            Self::ThinEvent             => ("thin_event",             false),
            Self::NoCustomer            => ("no_customer",            false),
            Self::NoOrganization        => ("no_organization",        false),
            Self::MalformedOrganization => ("malformed_organization", false),
            Self::UnpaidCheckout        => ("unpaid_checkout",        false),
            Self::FutureEvent           => ("future_event",           true),
            Self::InvalidSignature      => ("invalid_signature",      true),
            Self::Malformed             => ("malformed",              true),
            Self::StoreUnavailable      => ("store_unavailable",      true),
        }
    }

    /// The word in the log and in the metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The outcomes that a person must look at. Their series exist from the start, so that alerts can see the first one.
    pub(crate) fn alarming() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|outcome| outcome.row().1)
    }
}
