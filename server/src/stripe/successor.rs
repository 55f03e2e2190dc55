//! Stripe with the settings of a reload.

use std::sync::Arc;

use super::{attempt::SetupError, client::Stripe, resolver::Resolver};
use crate::config::StripeConfig;

impl Stripe {
    /// Stripe with other settings. The portal configuration has to be verified with them before a portal opens.
    pub(crate) fn successor(
        &self,
        config: StripeConfig,
        resolver: Resolver,
    ) -> Result<Self, SetupError> {
        let (clock, metrics) = (self.clock.clone(), Arc::clone(&self.metrics));
        let limiter = self.limiter.successor(&config);
        let mut successor = Self::new(config, clock, resolver, metrics)?;
        successor.limiter = Arc::new(limiter);
        successor.verification = Arc::new(self.verification.successor());
        let with_state = |name: &String| {
            let before = self.profiles.get(name);
            let state =
                before.map_or_else(|| self.verification.beside(), |known| known.successor());
            (name.clone(), Arc::new(state))
        };
        successor.profiles = Arc::new(successor.profiles.keys().map(with_state).collect());
        Ok(successor)
    }

    /// The same with the limits of other settings, which apply to the calls that begin from now on.
    pub(crate) fn with_limits(&self, config: &StripeConfig) -> Self {
        let mut stripe = self.clone();
        stripe.limiter = Arc::new(self.limiter.successor(config));
        stripe
    }
}
