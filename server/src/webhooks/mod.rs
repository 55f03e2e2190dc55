//! Stripe's webhooks: events about customers keep the mapping, one about the portal configuration has it verified.
//!
//! The body is not parsed until its signature over the raw bytes has been verified. The answer is sent after the commit,
//! so that Stripe delivers again what was not stored.

mod event;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz_target;
mod outcome;
mod signature;

use std::{sync::Arc, time::Duration};

use poem::{Body, IntoResponse, Response, Result, handler, http::HeaderMap, web::Data};
use serde::Serialize;

use crate::{
    app::App,
    http::{
        api_error::ApiError,
        body::read_reserved,
        envelope::{ErrorEnvelope, Success},
        error_code::ErrorCode,
        router::Router,
        schema::True,
    },
    metrics::label,
    request_context::RequestContext,
    store::{ConflictState, CustomerChange, CustomerEvent, EventResult, FoundConflict, StoreError},
};
use event::{Action, Event};
pub(crate) use outcome::WebhookOutcome;
use signature::Signature;

/// Where Stripe sends them.
pub(crate) const PATH: &str = "/webhooks/stripe";

/// The largest event, in bytes; Stripe's own are far smaller.
pub(crate) const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// How long the body may take. Stripe sends it at once, and who is slow keeps a place from others.
const BODY_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the database may take. Stripe waits longer, and repeats what is answered 503.
const STORE_TIMEOUT: Duration = Duration::from_secs(4);

#[derive(Serialize, utoipa::ToSchema)]
struct ReceivedEnvelope {
    #[schema(value_type = bool, example = true)]
    success: True,
    data: Received,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Received {
    received: bool,
}

/// Adds the endpoint.
pub(crate) fn routes(router: Router) -> Router {
    router.post(PATH, receive)
}

/// Receive an event
///
/// For Stripe only: the signature, made with the endpoint's secret over the raw body, is checked before anything else.
/// Events about customers update the mapping. An event about the portal configuration has it verified. Other events are
/// accepted and ignored. The response is sent after the commit, and Stripe delivers again what did not get a 200.
#[utoipa::path(
    post,
    path = PATH,
    tag = "Webhooks",
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`, as Stripe signs; at most 300 s old.")),
    request_body(
        content = serde_json::Value,
        content_type = "application/json",
        description = "The event as Stripe wrote it, at most 1 MiB.",
    ),
    responses(
        (status = 200, description = "The event was stored, or it is not needed here.", body = ReceivedEnvelope),
        (status = 400, description = "`INVALID_SIGNATURE`, or `BAD_REQUEST`: the body is not an event.", body = ErrorEnvelope),
        (status = 404, description = "`NOT_FOUND`: `stripe_webhook_secret` is not set.", body = ErrorEnvelope),
        (status = 408, description = "`REQUEST_TIMEOUT`: the body was not received in time.", body = ErrorEnvelope),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`.", body = ErrorEnvelope),
        (
            status = 503,
            description = "`SERVICE_UNAVAILABLE`: the database does not respond, or too many webhooks arrive at once.",
            body = ErrorEnvelope,
            headers(("Retry-After" = u64, description = "Seconds.")),
        ),
    ),
    servers((
        url = "https://{host}",
        description = "The API's port, not this one, as Stripe reaches it through your proxy.",
        variables(("host" = (default = "billing.example.com", description = "Your own."))),
    )),
)]
#[handler]
pub(crate) async fn receive(
    Data(app): Data<&Arc<App>>,
    Data(context): Data<&Arc<RequestContext>>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response> {
    let outcome = process(app, context, headers, body).await;
    let counted = match &outcome {
        Ok(outcome) => *outcome,
        Err(error) => refused(error.code()),
    };
    app.metrics.webhook(counted.as_str());
    outcome?;
    let (success, data) = (True, Received { received: true });
    Ok(Success(ReceivedEnvelope { success, data }).into_response()) // 200
}

fn refused(code: ErrorCode) -> WebhookOutcome {
    match code {
        ErrorCode::InvalidSignature => WebhookOutcome::InvalidSignature,
        ErrorCode::ServiceUnavailable => WebhookOutcome::StoreUnavailable,
        _ => WebhookOutcome::Malformed,
    }
}

/// Events that are of no use here are accepted too, so that Stripe does not retry them.
async fn process(
    app: &App,
    context: &RequestContext,
    headers: &HeaderMap,
    body: Body,
) -> Result<WebhookOutcome, ApiError> {
    let signature = Signature::of(headers, app.clock.now())?; // 400
    // Every connection of a port has an address.
    let peer = context.client.ok_or(ErrorCode::ServiceUnavailable)?;
    let memory = app.webhook_memory.begin(peer);
    let body = read_reserved(headers, body, MAX_EVENT_BYTES, BODY_TIMEOUT, &memory).await?; // 413, 408, 503
    signature.require_valid(&app.webhook_secrets, &body)?; // 400
    let event = Event::parse(&body).ok_or(ErrorCode::BadRequest)?; // 400
    if let Some(age) = event.age(context.received_at) {
        app.metrics.webhook_lag(age);
    }
    let outcome = apply(app, &event).await?; // 503
    tracing::info!(
        event = "webhook",
        outcome = outcome.as_str(),
        id = event.id,
        r#type = event.kind
    );
    Ok(outcome)
}

async fn apply(app: &App, event: &Event) -> Result<WebhookOutcome, ApiError> {
    match event.action(&app.event_rules, app.clock.now()) {
        Action::Ignore(outcome) => {
            if outcome == WebhookOutcome::FutureEvent {
                tracing::error!(event = "future_event", alert = true, id = event.id);
            }
            Ok(outcome)
        }
        Action::ConfigurationChanged(id) if app.stripe.recheck_configuration(&id) => {
            Ok(WebhookOutcome::ConfigurationRecheck)
        }
        Action::ConfigurationChanged(_) => Ok(WebhookOutcome::OtherConfiguration),
        Action::ChangeCustomer(change) => {
            store_change(app, event, change, WebhookOutcome::NoOrganization).await
        }
        Action::Withdraw(change, reason) => store_change(app, event, change, reason).await,
    }
}

/// Applies the change. `if_no_claim` is the outcome if the customer names no organization and did not before.
async fn store_change(
    app: &App,
    event: &Event,
    change: CustomerChange,
    if_no_claim: WebhookOutcome,
) -> Result<WebhookOutcome, ApiError> {
    let event = CustomerEvent {
        id: event.id.clone(),
        created: event.created(),
        change,
    };
    let applying = app.store.apply_event(&event, app.clock.now());
    let applying = tokio::time::timeout(STORE_TIMEOUT, applying);
    let result = app
        .metrics
        .database(&app.clock, label::APPLY_EVENT, applying);
    let result = result.await;
    let (outcome, found) = match result.unwrap_or(Err(StoreError::TimedOut))? {
        EventResult::Applied { found, .. } => (WebhookOutcome::Applied, found),
        EventResult::Conflict {
            is_resolved: true,
            found,
        } => (WebhookOutcome::ResolvedConflict, found),
        EventResult::Conflict { found, .. } => (WebhookOutcome::CustomerConflict, found),
        EventResult::Repeated => return Ok(WebhookOutcome::Repeated),
        EventResult::Older => return Ok(WebhookOutcome::Older),
        EventResult::DeletedCustomer => return Ok(WebhookOutcome::DeletedCustomer),
        EventResult::NoClaim => return Ok(if_no_claim),
        EventResult::UnknownOrganization => return Ok(WebhookOutcome::UnknownOrganization),
    };
    for conflict in found {
        if conflict.state == ConflictState::New {
            log_conflict(&event.id, &conflict);
        }
    }
    Ok(outcome)
}

fn log_conflict(id: &str, conflict: &FoundConflict) {
    tracing::error!(
        event = "customer_conflict",
        alert = true,
        id,
        organization = conflict.org.as_str(),
        customer = conflict.customer.as_str(),
        other = conflict.other,
        reason = conflict.reason.as_str(),
    );
}
