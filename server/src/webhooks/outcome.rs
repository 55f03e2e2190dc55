//! The outcomes of a webhook delivery: a closed list, for the log and the metrics.

/// The outcome of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebhookOutcome {
    /// The event was applied.
    Applied,
    /// The portal configuration is verified again.
    ConfigurationRecheck,
    /// The event was applied before.
    Repeated,
    /// The organization's mapping is newer.
    Older,
    /// The organization does not exist.
    UnknownOrganization,
    /// The customer belongs to another organization.
    CustomerConflict,
    /// The event is of the other mode, live or test.
    OtherMode,
    /// A thin event, which has other fields.
    ThinEvent,
    /// The event is about a connected account.
    ConnectedAccount,
    /// The event is of a type that is not used here.
    OtherType,
    /// The event names no valid customer.
    NoCustomer,
    /// The event names no organization.
    NoOrganization,
    /// The event names an organization by an id that is not valid.
    MalformedOrganization,
    /// The delivery is not signed with a configured secret.
    InvalidSignature,
    /// The delivery is not an event, too large, or too slow.
    Malformed,
    /// The database failed, or too many deliveries arrived at once. Stripe retries.
    StoreUnavailable,
}

impl WebhookOutcome {
    /// Every outcome.
    const ALL: [Self; 16] = [
        Self::Applied,
        Self::ConfigurationRecheck,
        Self::Repeated,
        Self::Older,
        Self::UnknownOrganization,
        Self::CustomerConflict,
        Self::OtherMode,
        Self::ThinEvent,
        Self::ConnectedAccount,
        Self::OtherType,
        Self::NoCustomer,
        Self::NoOrganization,
        Self::MalformedOrganization,
        Self::InvalidSignature,
        Self::Malformed,
        Self::StoreUnavailable,
    ];

    /// The table: the word in the log and the metrics, and whether it is alarming.
    const fn row(self) -> (&'static str, bool) {
        match self {
            Self::Applied => ("applied", false),
            Self::ConfigurationRecheck => ("configuration_recheck", false),
            Self::Repeated => ("repeated", false),
            Self::Older => ("older", false),
            Self::UnknownOrganization => ("unknown_organization", false),
            Self::CustomerConflict => ("customer_conflict", true),
            Self::OtherMode => ("other_mode", false),
            Self::ThinEvent => ("thin_event", false),
            Self::ConnectedAccount => ("connected_account", false),
            Self::OtherType => ("other_type", false),
            Self::NoCustomer => ("no_customer", false),
            Self::NoOrganization => ("no_organization", false),
            Self::MalformedOrganization => ("malformed_organization", false),
            Self::InvalidSignature => ("invalid_signature", true),
            Self::Malformed => ("malformed", true),
            Self::StoreUnavailable => ("store_unavailable", true),
        }
    }

    /// The word in the log and the metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The outcomes that an operator wants to know of. Their series exist from the start, so that alerts can see the
    /// first one.
    pub(crate) fn alarming() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|outcome| outcome.row().1)
    }
}
