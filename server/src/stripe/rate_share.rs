//! This instance's share of the requests that the deployment may make.

use super::client::Stripe;

impl Stripe {
    /// Sets this instance's share of the limit, in millionths.
    pub(crate) fn set_rate_share(&self, millionths: u64) {
        self.limiter.set_share(millionths);
    }

    /// Requests that were made or refused since this was asked before.
    pub(crate) fn take_wanted_calls(&self) -> u64 {
        self.limiter.take_wanted()
    }
}
