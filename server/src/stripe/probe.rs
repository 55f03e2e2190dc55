//! What `doctor` asks of Stripe: the portal configuration, and a session of a customer that cannot exist.
//!
//! Invariant: nothing is changed at Stripe. The configuration is only looked for, and that Stripe misses the customer
//! is the proof that the key may open portals, for permissions are looked at first.

use chrono::TimeDelta;

use super::{
    Answer, Call, Stripe, UpstreamCause, Verification, cause::Unavailable, session::SESSIONS,
};

/// Stripe's ids are letters and digits after the prefix, so that no customer is ever called so.
const NOBODY: &str = "cus_of_nobody";

/// Where a portal would lead back to; nobody ever follows it.
const RETURN_URL: &str = "https://example.com/";

/// What a call needs, in the order in which it is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Stripe is there and does what it is asked.
    Reached,
    /// It accepts the secret key.
    Credentials,
    /// The key may do this.
    Permission,
    /// What is asked for is of the key's mode.
    Mode,
    /// The portal configuration is there.
    Configuration,
}

impl Stage {
    /// Where a call that failed for this cause has stopped.
    pub(crate) fn of(cause: UpstreamCause) -> Self {
        match cause {
            UpstreamCause::CredentialsRefused => Self::Credentials,
            // Whether the key may do it is not shown by a refusal of how it was asked.
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

/// What Stripe answered.
#[derive(Debug)]
pub(crate) struct Probe {
    /// The portal configuration in use; none where ours was not made yet.
    pub configuration: Result<Option<Verification>, Unavailable>,
    /// Whether a session would be opened for a customer that exists.
    pub session: Result<(), Unavailable>,
    /// How far our clock is ahead of Stripe's, where Stripe told its time.
    pub clock_ahead: Option<TimeDelta>,
}

impl Stripe {
    /// Finds out what would become of a request.
    pub(crate) async fn probe(&self) -> Probe {
        let configuration = self.find_configuration().await;
        let in_use = match &configuration {
            Ok(Some(verification)) if verification.ok => Some(verification.id.as_str()),
            // Who does not answer this does not answer that, and it may have taken ten seconds to find out.
            Err(failure) if Stage::of(failure.cause) == Stage::Reached => {
                return Probe {
                    session: Err(failure.clone()),
                    configuration,
                    clock_ahead: None,
                };
            }
            _ => None,
        };
        let (session, clock_ahead) = match self.ask_for_nobody(in_use).await {
            Ok(answer) => {
                let ahead = answer.date.map(|date| self.clock.now() - date);
                (require_permission(&answer), ahead)
            }
            Err(failure) => (Err(failure), None),
        };
        Probe {
            configuration,
            session,
            clock_ahead,
        }
    }

    async fn ask_for_nobody(&self, configuration: Option<&str>) -> Result<Answer, Unavailable> {
        let fields = [("customer", NOBODY), ("return_url", RETURN_URL)];
        let fields = fields
            .into_iter()
            .chain(configuration.map(|id| ("configuration", id)));
        let form = fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let idempotency_key = self.clock.ulid().to_string();
        self.call(&Call::post(SESSIONS, form, idempotency_key))
            .await
    }
}

/// Stripe misses the customer, or the configuration that was not sent: it would have opened the portal otherwise.
fn require_permission(answer: &Answer) -> Result<(), Unavailable> {
    if matches!(answer.status, 200..300) {
        return Err(answer.failure(UpstreamCause::InvalidResponse, "customer_of_nobody"));
    }
    let failure = answer.refusal();
    let misses_customer = answer.is_missing("customer") && !answer.is_of_the_other_mode();
    if misses_customer || failure.reason == "portal_not_configured" {
        Ok(())
    } else {
        Err(failure)
    }
}
