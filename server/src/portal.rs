//! The operation, in the order of the request. The right margin is the contract.

use std::collections::BTreeMap;

use poem::Request;
use poem_openapi::{Object, OpenApi, Tags};
use serde::Serialize;
use serde_json::Value;

use crate::{
    app::App,
    audit::Trail,
    auth::BillingWrite,
    http::{
        api_error::ApiError,
        body::{Fields, JsonBody},
        envelope::Success,
        error_code::ErrorCode,
        schema::{PortalUrl, Timestamp, True},
        strict_json::JsonObject,
    },
    limits::InFlight,
    request_layer::Received,
    return_url::ReturnUrl,
    store::{CustomerId, StaleReason},
    stripe::{OpenedSession, SessionError},
};

/// The operation's home in poem-openapi.
pub(crate) struct Portal;

#[derive(Tags)]
enum Tag {
    Billing,
}

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
        request: &Request,
        // In this order on purpose: arguments are extracted left to right, so nothing of the body is looked at
        // before the caller is known and may call.
        _place: InFlight,                   // 503
        caller: BillingWrite,               // 429, 401, 403, 429
        ask: JsonBody<CreatePortalSession>, // 415, 413, 408, 400, 422
    ) -> Result<Success<PortalSessionEnvelope>, ApiError> {
        let app = App::of(request);
        let trail = Trail::of(request);
        trail.return_url_origin(ask.0.return_url.origin());
        let session = open_portal(app, &caller, &ask.0).await?;
        trail.opened(&session);
        let expires_at = Received::of(request).0 + app.portal_url_ttl;
        let data = PortalSession {
            portal_url: PortalUrl(session.url),
            expires_at: Timestamp(expires_at),
        };
        let success = True;
        Ok(Success(PortalSessionEnvelope { success, data })) // 200
    }
}

async fn open_portal(
    app: &App,
    key: &BillingWrite,
    ask: &CreatePortalSession,
) -> Result<OpenedSession, ApiError> {
    let customer = key.caller().customer.as_ref();
    let customer = customer.ok_or(ErrorCode::NoStripeCustomer)?; // 409
    let stripe = &app.stripe;
    match stripe
        .create_portal_session(customer, &ask.return_url)
        .await
    {
        Ok(session) => Ok(session), // 200
        Err(SessionError::CustomerMissing) => Err(forget(app, key, customer).await), // 409
        Err(SessionError::ReturnUrlRefused) => Err(refused_by_stripe()), // 422
        Err(SessionError::Unavailable(failure)) => Err(failure.into()), // 502
    }
}

/// Later calls need not ask Stripe for a customer that it says is gone.
async fn forget(app: &App, key: &BillingWrite, customer: &CustomerId) -> ApiError {
    let marked = app.store.mark_stale(customer, StaleReason::MissingAtStripe);
    let mapping = match marked.await {
        Ok(true) => "marked stale",
        Ok(false) => "known to be stale",
        Err(error) => {
            tracing::error!(%error, "a mapping that is stale could not be marked so");
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
    app.authenticator.forget(key).await;
    ApiError::from(ErrorCode::NoStripeCustomer).with_cause("stripe_customer_missing")
}

/// Our policy took what Stripe does not: the caller can only try another URL.
fn refused_by_stripe() -> ApiError {
    tracing::warn!(event = "stripe_refused_return_url", alert = true);
    let refused = "was refused by the payment provider".to_owned();
    ApiError::validation_failed(BTreeMap::from([("return_url".to_owned(), refused)]))
        .with_cause("stripe_refused_return_url")
}

/// What to open the portal with. What is in it has passed the policy.
#[derive(Object)]
struct CreatePortalSession {
    return_url: ReturnUrl,
}

impl Fields for CreatePortalSession {
    fn read(mut object: JsonObject, app: &App) -> Result<Self, BTreeMap<String, String>> {
        let return_url = match object.take("return_url") {
            None => Err("is required".to_owned()),
            Some(Value::String(text)) => app
                .allow_list
                .admit(&text)
                .map_err(|refusal| refusal.to_string()),
            Some(_) => Err("must be a string".to_owned()),
        };
        let mut problems = BTreeMap::new();
        object.refuse_the_rest(&mut problems);
        match return_url {
            Ok(return_url) if problems.is_empty() => Ok(Self { return_url }),
            Ok(_) => Err(problems),
            Err(problem) => {
                problems.insert("return_url".to_owned(), problem);
                Err(problems)
            }
        }
    }
}

#[derive(Object, Serialize)]
struct PortalSessionEnvelope {
    success: True,
    data: PortalSession,
}

#[derive(Object, Serialize)]
struct PortalSession {
    portal_url: PortalUrl,
    expires_at: Timestamp,
}
