//! The calls of `doctor`: for the portal configuration, and for a session of a customer that cannot exist.
//!
//! Invariant: nothing is changed at Stripe. The configuration is only read. If Stripe reports the customer missing, the
//! key may open portals, because Stripe checks permissions first.

use chrono::TimeDelta;

use super::{
    call::{Call, SESSIONS},
    cause::UpstreamCause,
    client::Stripe,
    configuration_rules::Verification,
    error::StripeError,
    response::{NO_DEFAULT_CONFIGURATION, StripeResponse},
};

/// An id that no customer has: Stripe's ids have only letters and digits after the prefix.
const IMPOSSIBLE_CUSTOMER: &str = "cus_of_nobody";

/// The return URL of the session, which is never opened.
const RETURN_URL: &str = "https://example.com/";

/// What a call needs, in the order in which Stripe checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Stripe responds, with what was requested.
    Reached,
    /// Stripe accepts the secret key.
    Credentials,
    /// The key has the permission.
    Permission,
    /// The requested object is of the key's mode.
    Mode,
    /// The portal configuration exists.
    Configuration,
}

impl Stage {
    /// The stage at which a call of this cause has failed.
    pub(crate) fn of(cause: UpstreamCause) -> Self {
        match cause {
            UpstreamCause::CredentialsRefused => Self::Credentials,
            // Stripe refused the form of the request, which does not show whether the key has the permission.
            UpstreamCause::Permission
            | UpstreamCause::BadRequest
            | UpstreamCause::IdempotencyMisuse => Self::Permission,
            UpstreamCause::ModeMismatch => Self::Mode,
            UpstreamCause::ConfigurationMissing
            | UpstreamCause::ConfigurationUnverified
            | UpstreamCause::ConfigurationViolation => Self::Configuration,
            _ => Self::Reached,
        }
    }
}

/// The results of the calls.
#[derive(Debug)]
pub(crate) struct Probe {
    /// The portal configuration in use. `None` if the service has not created it yet.
    pub configuration: Result<Option<Verification>, StripeError>,
    /// Whether a session would be opened for an existing customer.
    pub session: Result<(), StripeError>,
    /// How far our clock is ahead of Stripe's, if Stripe sent its time.
    pub clock_ahead: Option<TimeDelta>,
}

impl Stripe {
    /// Finds out whether a request would succeed.
    pub(crate) async fn probe(&self) -> Probe {
        let configuration = self.find_configuration().await;
        let in_use = match &configuration {
            Ok(Some(verification)) if verification.ok => Some(verification.id.as_str()),
            // If Stripe did not respond to this call, skip the next: each may take ten seconds.
            Err(error) if Stage::of(error.cause) == Stage::Reached => {
                return Probe {
                    session: Err(error.clone()),
                    configuration,
                    clock_ahead: None,
                };
            }
            _ => None,
        };
        let (session, clock_ahead) = match self.request_impossible_session(in_use).await {
            Ok(response) => {
                let ahead = response.date().map(|date| self.clock.now() - date);
                (require_permission(&response), ahead)
            }
            Err(error) => (Err(error), None),
        };
        Probe {
            configuration,
            session,
            clock_ahead,
        }
    }

    async fn request_impossible_session(
        &self,
        configuration: Option<&str>,
    ) -> Result<StripeResponse, StripeError> {
        let fields = [
            ("customer", IMPOSSIBLE_CUSTOMER),
            ("return_url", RETURN_URL),
        ];
        let fields = fields
            .into_iter()
            .chain(configuration.map(|id| ("configuration", id)));
        let idempotency_key = self.clock.ulid().to_string();
        let call = Call::post(SESSIONS, fields, idempotency_key);
        Ok(self.call(&call).await?.response)
    }
}

/// Stripe reported the customer missing, or the configuration that was not sent. So the key has the permission.
fn require_permission(response: &StripeResponse) -> Result<(), StripeError> {
    if matches!(response.status, 200..300) {
        return Err(response.failure(UpstreamCause::InvalidResponse, "customer_of_nobody"));
    }
    let error = response.refusal();
    let misses_customer = response.is_missing("customer") && !response.is_of_other_mode();
    if misses_customer || error.reason == NO_DEFAULT_CONFIGURATION {
        Ok(())
    } else {
        Err(error)
    }
}
