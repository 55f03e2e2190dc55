//! Opens a billing portal session, and accepts the response only if it is the requested session.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz_target;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    answer::{Answer, milliseconds},
    call::{Call, SESSIONS},
    call_outcome::CallOutcome,
    cause::UpstreamCause,
    client::Stripe,
    error::StripeError,
    portal_url::PortalUrl,
    response::{StripeResponse, loggable},
    session_request::{FLOW_RETURN_URL, SessionRequest, customer_field},
    session_response::Session,
};
use crate::{
    config::StripeConfig,
    ids::{Mode, is_stripe_id_byte},
    portal_options::Flow,
};

/// From this time on the audit marks a session as slow: a user notices the wait. Stripe usually takes half a second.
const SLOW: Duration = Duration::from_secs(2);

/// An open portal.
#[derive(Debug)]
pub(crate) struct OpenedSession {
    /// Where to send the browser.
    pub url: PortalUrl,
    /// What is recorded of it.
    pub record: SessionRecord,
}

/// What is recorded of an open portal: nothing that is a secret.
#[derive(Debug)]
pub(crate) struct SessionRecord {
    /// Stripe's id of the session.
    pub id: String,
    /// The configuration that Stripe opened it with.
    pub configuration: String,
    /// Whether Stripe had created it for an earlier attempt whose response was lost, or for an earlier copy of the request.
    pub replayed: bool,
    /// When Stripe created it, if the response says so.
    pub created: Option<DateTime<Utc>>,
    /// Whether the call took longer than two seconds.
    pub slow: bool,
    /// How long the call took, in milliseconds, with its retries and waits.
    pub elapsed_ms: u64,
    /// How many attempts it took.
    pub attempts: u32,
    /// Stripe's id of the last one.
    pub request_id: String,
    /// The key by which Stripe knows that the attempts are one call.
    pub idempotency_key: String,
}

/// The parts of a session that Stripe's response has.
struct Accepted {
    id: String,
    url: PortalUrl,
    configuration: String,
    created: Option<DateTime<Utc>>,
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
    /// Opens the portal with the verified configuration. A failure is logged and counted here.
    pub(crate) async fn create_portal_session(
        &self,
        request: &SessionRequest<'_>,
    ) -> Result<OpenedSession, SessionError> {
        let began = self.clock.instant();
        let opened = self.open(request).await;
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
        let (session, answer) = opened?;
        let record = SessionRecord {
            id: session.id,
            configuration: session.configuration,
            replayed: answer.response.replayed,
            created: session.created,
            slow: elapsed > SLOW,
            elapsed_ms: milliseconds(elapsed),
            attempts: answer.attempt,
            request_id: answer.response.request_id,
            idempotency_key: answer.idempotency_key,
        };
        Ok(OpenedSession {
            url: session.url,
            record,
        })
    }

    async fn open(&self, request: &SessionRequest<'_>) -> Result<(Accepted, Answer), SessionError> {
        let now = self.clock.instant();
        let configuration = self.verification.require_verified(now)?;
        let form = request.form(&configuration);
        // A new key for each request: the URL in a replayed response would be about to expire.
        let idempotency_key = self.clock.ulid().to_string();
        let call = Call {
            // The line of the request says it.
            logs_success: false,
            steps: request.steps.clone(),
            ..Call::post(SESSIONS, form, idempotency_key)
        };
        let answer = match &request.repetition {
            // Boxed: these are few, and take more memory than the others.
            Some(repetition) => Box::pin(self.call_for_repetition(repetition, &call)).await?,
            None => self.call(&call).await?,
        };
        let response = &answer.response;
        if !matches!(response.status, 200..300) {
            return Err(self.session_refusal(response, request));
        }
        let config = self.transport.config();
        match accept(response, request, &configuration, config) {
            Ok(session) => Ok((session, answer)),
            Err(reason) => {
                answer.log(SESSIONS);
                let cause = UpstreamCause::InvalidResponse;
                Err(response.failure(cause, reason).into())
            }
        }
    }

    /// What a refusal means. Here only refusals of what this request has; the rest are those of every call.
    fn session_refusal(
        &self,
        response: &StripeResponse,
        request: &SessionRequest<'_>,
    ) -> SessionError {
        let customer = request.customer;
        if response.is_missing(customer_field(customer)) && !response.is_of_other_mode() {
            let too_many = self.missing.are_too_many(customer, self.clock.instant());
            return if too_many {
                response.failure(UpstreamCause::CustomersMissing, "").into()
            } else {
                SessionError::CustomerMissing
            };
        }
        if is_about_return_url(response) {
            return SessionError::ReturnUrlRefused;
        }
        if request.flow.is_some() && is_about_flow(response) {
            return response.failure(UpstreamCause::FlowRefused, "").into();
        }
        if response.is_missing("configuration") {
            self.verification
                .invalidate("Stripe does not know the portal configuration");
        }
        response.refusal().into()
    }
}

/// Accepts the requested session, in our mode, with a portal URL on a listed host. The error is what is wrong with
/// the response, in one word.
fn accept(
    response: &StripeResponse,
    requested: &SessionRequest<'_>,
    configuration: &str,
    config: &StripeConfig,
) -> Result<Accepted, &'static str> {
    let session = Session::parse(&response.body).ok_or("invalid_json")?;
    if session.object() != Some("billing_portal.session") {
        return Err("object_type");
    }
    if session.customer(requested.customer) != Some(requested.customer.as_str()) {
        return Err("customer_mismatch");
    }
    if session.livemode() != Some(config.mode == Mode::Live) {
        return Err("livemode_mismatch");
    }
    if session.configuration() != Some(configuration) {
        return Err("configuration_mismatch");
    }
    if session.return_url() != Some(requested.return_url.as_str()) {
        return Err("return_url_mismatch");
    }
    require_flow(&session.flow, requested)?;
    let url = session.url().ok_or("portal_url_missing")?;
    let id = session.id().and_then(|id| loggable(id, is_stripe_id_byte));
    Ok(Accepted {
        id: id.unwrap_or_default().to_owned(),
        url: PortalUrl::parse(url, config)?,
        configuration: configuration.to_owned(),
        created: session.created(),
    })
}

/// Requires the requested flow, or none, and that it leads back to the return URL.
fn require_flow(flow: &Value, requested: &SessionRequest<'_>) -> Result<(), &'static str> {
    let Some(wanted) = requested.flow.map(Flow::as_str) else {
        return if flow.is_null() {
            Ok(())
        } else {
            Err("flow_mismatch")
        };
    };
    let after = &flow["after_completion"];
    let leads_to = after["redirect"]["return_url"].as_str();
    let is_wanted = flow["type"] == *wanted && after["type"] == *"redirect";
    if is_wanted && leads_to == Some(requested.return_url.as_str()) {
        Ok(())
    } else {
        Err("flow_mismatch")
    }
}

/// Whether Stripe rejects the URL itself, which a caller can change.
fn is_about_return_url(response: &StripeResponse) -> bool {
    response.status == 400
        && matches!(response.error("code"), "" | "url_invalid")
        && matches!(response.error("param"), "return_url" | FLOW_RETURN_URL)
}

/// Whether Stripe rejects the flow. It may name no parameter if the portal configuration does not have what the flow needs:
/// the same request without a flow is accepted.
fn is_about_flow(response: &StripeResponse) -> bool {
    let param = response.error("param");
    let names_no_other = param.is_empty() && response.error("code").is_empty();
    response.status == 400
        && response.error("type") == "invalid_request_error"
        && (param.starts_with("flow_data") || names_no_other)
}
