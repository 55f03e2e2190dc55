//! The operation, in the order of the request. The right margin is the contract.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz_target;
mod idempotency;
mod request;
mod response;

use std::{collections::BTreeMap, sync::Arc};

use poem::web::Data;
use poem_openapi::OpenApi;

use crate::{
    app::App,
    explanation::{CUSTOMER_MISSING, RETURN_URL_REFUSED},
    extract::{BillingWrite, InFlight, JsonBody},
    http::{api_error::ApiError, error_code::ErrorCode, schema::Timestamp},
    ids::CustomerId,
    metrics::label,
    request_context::RequestContext,
    store::StaleReason,
    stripe::{OpenedSession, Repetition, SessionError, SessionRequest},
    tag::Tag,
    traces::Steps,
};
use idempotency::IdempotencyKey;
use request::CreatePortalSession;
use response::Opened;

/// The operation, for poem-openapi.
pub(crate) struct Portal;

#[OpenApi]
impl Portal {
    /// Open the Stripe billing portal
    #[oai(
        path = "/v1/billing/portal",
        method = "post",
        operation_id = "create_portal_session",
        tag = "Tag::Billing"
    )]
    async fn create_portal_session(
        &self,
        Data(app): Data<&Arc<App>>,
        Data(context): Data<&Arc<RequestContext>>,
        // In this order on purpose: arguments are extracted from left to right, so that nothing of the body is read
        // before the caller is known and allowed.
        _in_flight: InFlight,                // 503
        caller: BillingWrite,                // 429, 503, 401, 403, 429
        body: JsonBody<CreatePortalSession>, // 415, 413, 408, 400
        /// What repetitions of this request have in common
        #[oai(name = "Idempotency-Key")]
        idempotency_key: IdempotencyKey, // 400
    ) -> Result<Opened, ApiError> {
        let body_hash = idempotency_key.is_given().then(|| body.sha256()); // rare, and takes long
        let allow_list = caller.allow_list(&app.allow_list);
        let wanted = CreatePortalSession::validate(body.into_object(), allow_list)?; // 422
        context
            .audit
            .set_return_url_origin(wanted.return_url.origin());
        let key_id = &caller.caller().key_id;
        let repetition =
            idempotency_key.repetition(key_id, body_hash.as_ref(), context.received_at);
        // Boxed, because every layer around this keeps room for it, several times.
        let opening = Box::pin(open_portal(
            app,
            &caller,
            &wanted,
            repetition,
            &context.steps,
        ));
        let OpenedSession { url, record } = opening.await?; // 409, 422, 502
        let begins = match repetition {
            Some(_) => idempotency::lifetime_start(context.received_at, record.created),
            None => context.received_at,
        };
        let expires_at = Timestamp(begins + app.portal_url_ttl);
        let replayed = repetition.is_some() && record.replayed;
        context.audit.set_session(record);
        Ok(Opened::new(url, expires_at, replayed)) // 200
    }
}

async fn open_portal(
    app: &App,
    key: &BillingWrite,
    wanted: &CreatePortalSession,
    repetition: Option<Repetition<'_>>,
    steps: &Steps,
) -> Result<OpenedSession, ApiError> {
    let customer = key.caller().customer.as_ref();
    let customer = customer.ok_or(ErrorCode::NoStripeCustomer)?; // 409
    let request = SessionRequest {
        customer,
        return_url: &wanted.return_url,
        flow: wanted.flow,
        locale: wanted.locale,
        repetition,
        steps,
    };
    let profile = key.caller().portal_profile.as_deref();
    let stripe = app.stripe.for_profile(profile);
    match stripe.create_portal_session(&request).await {
        Ok(session) => Ok(session), // 200
        Err(SessionError::CustomerMissing) => {
            Err(handle_missing_customer(app, customer).await) // 409
        }
        Err(SessionError::ReturnUrlRefused) => Err(return_url_refused()), // 422
        Err(SessionError::Failed(error)) => Err(error.into()),            // 502
    }
}

/// Marks the mapping stale, so that later calls are answered 409 without a call to Stripe.
async fn handle_missing_customer(app: &App, customer: &CustomerId) -> ApiError {
    let marking = app.store.mark_stale(customer, StaleReason::MissingAtStripe);
    let marked = app
        .metrics
        .database(&app.clock, label::MARK_STALE, Box::pin(marking));
    let mapping = match marked.await {
        Ok(true) => "marked stale",
        Ok(false) => "known to be stale",
        Err(error) => {
            tracing::error!(%error, "a stale mapping could not be marked stale");
            "could not be marked stale"
        }
    };
    app.metrics.customers_missing.inc();
    tracing::warn!(
        event = "stripe_customer_missing",
        alert = true,
        %customer,
        mapping
    );
    ApiError::from(ErrorCode::NoStripeCustomer).with_cause(CUSTOMER_MISSING)
}

/// Our policy accepted a URL that Stripe rejects. The caller can only use another URL.
fn return_url_refused() -> ApiError {
    tracing::warn!(event = "stripe_refused_return_url", alert = true);
    let refused = "was refused by the payment provider".to_owned();
    ApiError::validation_failed(BTreeMap::from([("return_url".to_owned(), refused)]))
        .with_cause(RETURN_URL_REFUSED)
}
