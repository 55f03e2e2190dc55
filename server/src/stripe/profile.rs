//! Which portal configuration a client of Stripe opens sessions with: the default one, or that of a profile.
//!
//! Each profile has a configuration of its own, which is found or created, verified and restored like the default one. While
//! it is not verified, no portal opens for the organizations of this profile; the others are not affected.

use std::{collections::BTreeMap, sync::Arc};

use super::verification::ConfigurationVerification;
use crate::config::{CustomerUpdate, DEFAULT_PROFILE, PortalProfile, StripeConfig};

/// The mark of the default configuration in its metadata.
const MARK: &str = "billing-portal";

/// What customers may change unless the profile says otherwise. `email` is left out: an integration may identify customers
/// by it.
const CUSTOMER_UPDATES: [CustomerUpdate; 4] = [
    CustomerUpdate::Name,
    CustomerUpdate::Address,
    CustomerUpdate::Phone,
    CustomerUpdate::TaxId,
];

/// The verifications of all profiles but the default one.
pub(super) type Verifications = BTreeMap<String, Arc<ConfigurationVerification>>;

/// A profile, or what applies where there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    /// `None` for the default one.
    name: Option<String>,
    settings: PortalProfile,
}

/// Something that the portal shows.
pub(super) struct Shown {
    /// The parameter that sets it.
    pub parameter: &'static str,
    /// Where Stripe returns it.
    pub pointer: &'static str,
    /// What it is.
    pub value: String,
}

impl Profile {
    /// The profile of this name.
    pub(super) fn named(name: &str, config: &StripeConfig) -> Self {
        let settings = config.profiles.get(name).cloned();
        Self {
            name: Some(name.to_owned()),
            settings: settings.unwrap_or_default(),
        }
    }

    /// Its name; `None` for the default one.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The default profile.
    pub(super) fn of_default(config: &StripeConfig) -> Self {
        let settings = config.profiles.get(DEFAULT_PROFILE).cloned();
        Self {
            name: None,
            settings: settings.unwrap_or_default(),
        }
    }

    /// The mark of its configuration. Instances of 1.0 search for the mark of the default one, and so never find another.
    pub(super) fn marker(&self) -> String {
        match &self.name {
            None => MARK.to_owned(),
            Some(name) => format!("{MARK}/{name}"),
        }
    }

    /// What customers may change.
    pub(super) fn customer_updates(&self) -> Vec<&'static str> {
        let own = self.settings.customer_updates.as_ref();
        own.map_or_else(
            || CUSTOMER_UPDATES.map(CustomerUpdate::as_str).to_vec(),
            |own| own.iter().map(|update| update.as_str()).collect(),
        )
    }

    /// What the portal shows.
    pub(super) fn shown(&self) -> impl Iterator<Item = Shown> {
        let settings = &self.settings;
        #[rustfmt::skip]
        let fields = [
            ("business_profile[headline]", "/business_profile/headline", &settings.headline),
            ("business_profile[privacy_policy_url]", "/business_profile/privacy_policy_url", &settings.privacy_policy_url),
            ("business_profile[terms_of_service_url]", "/business_profile/terms_of_service_url", &settings.terms_of_service_url),
            ("default_return_url", "/default_return_url", &settings.default_return_url),
            (
                "features[payment_method_update][payment_method_configuration]",
                "/features/payment_method_update/payment_method_configuration",
                &settings.payment_method_configuration,
            ),
        ];
        let set = fields.into_iter();
        set.filter_map(|(parameter, pointer, value)| {
            let value = value.clone()?;
            Some(Shown {
                parameter,
                pointer,
                value,
            })
        })
    }
}

/// Nothing is verified yet. All wait for the same recheck as the default one.
pub(super) fn verifications(
    config: &StripeConfig,
    default: &ConfigurationVerification,
) -> Arc<Verifications> {
    let names = config
        .profiles
        .keys()
        .filter(|name| *name != DEFAULT_PROFILE);
    let with_state = |name: &String| (name.clone(), Arc::new(default.beside()));
    Arc::new(names.map(with_state).collect())
}
