//! Opens a billing portal session, and accepts the response only if it is the requested session.

use std::time::Duration;

use serde_json::Value;

use super::{
    attempt::Call,
    call_outcome::CallOutcome,
    cause::UpstreamCause,
    client::Stripe,
    error::StripeError,
    portal_url::PortalUrl,
    response::{StripeResponse, loggable},
};
use crate::{
    ids::{CustomerId, Mode, is_stripe_id_byte},
    return_url::ReturnUrl,
};

/// Stripe's path for sessions.
pub(super) const SESSIONS: &str = "/v1/billing_portal/sessions";

/// From this time on the audit marks a session as slow: a user notices the wait. Stripe usually takes half a second.
const SLOW: Duration = Duration::from_secs(2);

/// An open portal.
#[derive(Debug)]
pub(crate) struct OpenedSession {
    /// Stripe's id of the session, which is not a secret.
    pub id: String,
    /// Where to send the browser.
    pub url: PortalUrl,
    /// The configuration that Stripe opened it with.
    pub configuration: String,
    /// Whether Stripe had created it for an earlier attempt whose response was lost.
    pub replayed: bool,
    /// Whether the call took longer than two seconds.
    pub slow: bool,
}

/// The parts of a session that Stripe's response has.
struct Accepted {
    id: String,
    url: PortalUrl,
    configuration: String,
    replayed: bool,
}

/// What a session is requested with. Stripe's answer must have the same.
struct Requested<'a> {
    customer: &'a CustomerId,
    return_url: &'a str,
    configuration: &'a str,
}

/// Why no session was opened.
#[derive(Debug)]
pub(crate) enum SessionError {
    /// Stripe no longer has the customer.
    CustomerMissing,
    /// Stripe rejected a return URL that our policy accepted.
    ReturnUrlRefused,
    /// The call failed.
    Failed(StripeError),
}

impl<T: Into<StripeError>> From<T> for SessionError {
    fn from(error: T) -> Self {
        Self::Failed(error.into())
    }
}

impl Stripe {
    /// Opens the portal for `customer`, with the verified configuration. A failure is logged and counted here.
    pub(crate) async fn create_portal_session(
        &self,
        customer: &CustomerId,
        return_url: &ReturnUrl,
    ) -> Result<OpenedSession, SessionError> {
        let began = self.clock.instant();
        let opened = self.open(customer, return_url).await;
        let elapsed = self.elapsed_since(began);
        let outcome = match &opened {
            Ok(_) => CallOutcome::Done,
            Err(SessionError::CustomerMissing) => CallOutcome::Refused("customer_missing"),
            Err(SessionError::ReturnUrlRefused) => CallOutcome::Refused("return_url_refused"),
            Err(SessionError::Failed(error)) => {
                error.log();
                CallOutcome::Failed(error.cause)
            }
        };
        self.count("sessions", &outcome, elapsed);
        let session = opened?;
        Ok(OpenedSession {
            id: session.id,
            url: session.url,
            configuration: session.configuration,
            replayed: session.replayed,
            slow: elapsed > SLOW,
        })
    }

    async fn open(
        &self,
        customer: &CustomerId,
        return_url: &ReturnUrl,
    ) -> Result<Accepted, SessionError> {
        let now = self.clock.instant();
        let configuration = self.verification.require_verified(now)?;
        let requested = Requested {
            customer,
            return_url: return_url.as_str(),
            configuration: &configuration,
        };
        // A new key for each request: the URL in a replayed response would be about to expire.
        let idempotency_key = self.clock.ulid().to_string();
        let call = Call::post(SESSIONS, requested.form(), idempotency_key);
        let response = self.call(&call).await?;
        if !matches!(response.status, 200..300) {
            return Err(self.session_refusal(&response, customer));
        }
        self.accept(&response, &requested).map_err(|reason| {
            response
                .failure(UpstreamCause::InvalidResponse, reason)
                .into()
        })
    }

    /// Accepts the requested session, in our mode, with a portal URL on a listed host. The error is what is wrong with
    /// the response, in one word.
    fn accept(
        &self,
        response: &StripeResponse,
        requested: &Requested<'_>,
    ) -> Result<Accepted, &'static str> {
        let config = self.transport.config();
        let text = |field: &str| response.body[field].as_str();
        if response.body.is_null() {
            return Err("invalid_json");
        }
        if text("object") != Some("billing_portal.session") {
            return Err("object_type");
        }
        if text(customer_field(requested.customer)) != Some(requested.customer.as_str()) {
            return Err("customer_mismatch");
        }
        if response.body["livemode"] != Value::Bool(config.mode == Mode::Live) {
            return Err("livemode_mismatch");
        }
        let configuration = id_of(&response.body["configuration"]);
        let configuration = configuration.filter(|id| *id == requested.configuration);
        let configuration = configuration.ok_or("configuration_mismatch")?;
        if text("return_url") != Some(requested.return_url) {
            return Err("return_url_mismatch");
        }
        let url = text("url").ok_or("portal_url_missing")?;
        let id = text("id").and_then(|id| loggable(id, is_stripe_id_byte));
        Ok(Accepted {
            id: id.unwrap_or_default().to_owned(),
            url: PortalUrl::parse(url, &config.portal_hosts)?,
            configuration: configuration.to_owned(),
            replayed: response.replayed,
        })
    }

    /// What a refusal means. Here only refusals of this customer or this URL; the rest are those of every call.
    fn session_refusal(&self, response: &StripeResponse, customer: &CustomerId) -> SessionError {
        if response.is_missing(customer_field(customer)) && !response.is_of_other_mode() {
            let too_many = self.missing.are_too_many(customer, self.clock.instant());
            return if too_many {
                response.failure(UpstreamCause::CustomersMissing, "").into()
            } else {
                SessionError::CustomerMissing
            };
        }
        let is_about_url = matches!(response.error("code"), "" | "url_invalid");
        if response.status == 400 && response.error("param") == "return_url" && is_about_url {
            return SessionError::ReturnUrlRefused;
        }
        if response.is_missing("configuration") {
            self.verification
                .invalidate("Stripe does not know the portal configuration");
        }
        response.refusal().into()
    }
}

impl Requested<'_> {
    fn form(&self) -> Vec<(String, String)> {
        let form = [
            (customer_field(self.customer), self.customer.as_str()),
            ("return_url", self.return_url),
            ("configuration", self.configuration),
        ];
        form.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }
}

/// The field in which Stripe names the customer.
fn customer_field(customer: &CustomerId) -> &'static str {
    if customer.is_account() {
        "customer_account"
    } else {
        "customer"
    }
}

/// The id of an object that Stripe refers to by its id, or shows whole.
fn id_of(reference: &Value) -> Option<&str> {
    reference.as_str().or_else(|| reference["id"].as_str())
}
