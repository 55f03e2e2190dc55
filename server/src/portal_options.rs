//! How a portal opens, beside its return URL. Both are closed lists of the contract, so that a caller can send nothing else
//! to Stripe: above all no flow that changes plans.

/// The one task for which a portal opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Entering a new payment method.
    PaymentMethodUpdate,
    /// Editing the billing details.
    CustomerUpdate,
}

impl Flow {
    /// Every flow. Stripe has more: those change plans.
    pub(crate) const ALL: [Self; 2] = [Self::PaymentMethodUpdate, Self::CustomerUpdate];

    /// The flow of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flow| flow.as_str() == name)
    }

    /// The name, in the contract and at Stripe.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentMethodUpdate => "payment_method_update",
            Self::CustomerUpdate => "customer_update",
        }
    }
}

/// The language of a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Locale(&'static str);

impl Locale {
    /// Every locale that Stripe documents for the portal.
    #[rustfmt::skip]
    pub(crate) const ALL: [&str; 47] = [
        "auto", "bg", "cs", "da", "de", "el", "en", "en-AU", "en-CA", "en-GB", "en-IE", "en-IN", "en-NZ", "en-SG", "es",
        "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb",
        "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
    ];

    /// The locale with this tag, written exactly as Stripe does.
    pub(crate) fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| *one == tag).map(Self)
    }

    /// The tag, in the contract and at Stripe.
    pub(crate) const fn as_str(self) -> &'static str {
        self.0
    }
}
