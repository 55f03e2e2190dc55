//! The client with the portal configuration of a profile.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{client::Stripe, profile::Profile};
use crate::config::DEFAULT_PROFILE;

impl Stripe {
    /// The name of the profile whose configuration this client uses; `None` for the default one.
    pub(crate) fn profile_name(&self) -> Option<&str> {
        self.profile.name()
    }

    /// The configuration that the operator named, which is that of the default profile.
    pub(super) fn named_configuration(&self) -> Option<&str> {
        let named = self.transport.config().portal_configuration.as_deref();
        named.filter(|_| self.profile.name().is_none())
    }

    /// The same client with the configuration of an organization's profile. If the settings do not have the profile, nothing
    /// is verified, so that no portal opens.
    pub(crate) fn for_profile(self: &Arc<Self>, name: Option<&str>) -> Arc<Self> {
        let Some(name) = name else {
            return Arc::clone(self);
        };
        let known = self.profiles.get(name).map(Arc::clone);
        if known.is_none() {
            tracing::error!(event = "portal_profile_unknown", profile = name);
        }
        let mut stripe = Self::clone(self);
        stripe.profile = Profile::named(name, self.transport.config());
        stripe.verification = known.unwrap_or_default();
        Arc::new(stripe)
    }

    /// Verifies the configurations of all profiles but the default one, so that their organizations have a portal at once. One
    /// that cannot be verified is tried again later.
    pub(crate) async fn verify_other_profiles(self: &Arc<Self>, limit: Duration) {
        for stripe in self.for_each_profile().into_iter().skip(1) {
            _ = tokio::time::timeout(limit, stripe.verify_configuration()).await;
        }
    }

    /// Whether the configuration of each profile is verified. While it is not, the profile's organizations have no portal.
    pub(crate) fn verified_profiles(self: &Arc<Self>) -> BTreeMap<String, bool> {
        let all = self.for_each_profile();
        let each = all.iter().map(|stripe| {
            let name = stripe.profile_name().unwrap_or(DEFAULT_PROFILE);
            (name.to_owned(), stripe.is_configuration_verified())
        });
        each.collect()
    }

    /// The client with each configuration, the default one first.
    pub(crate) fn for_each_profile(self: &Arc<Self>) -> Vec<Arc<Self>> {
        let profiles = self.profiles.keys();
        let profiles = profiles.map(|name| self.for_profile(Some(name)));
        [Arc::clone(self)].into_iter().chain(profiles).collect()
    }
}
