//! One try of a call: one request and its answer.

use std::pin::pin;

use http::HeaderMap;
use progenitor_client::ResponseValue;
use tokio::time::timeout;
use tracing::field::{Empty, display};
use tracing::{Instrument, Span};

use crate::error::Error;
use crate::exchange::{Exchange, RawResponse};
use crate::generated::{self, types};
use crate::new_connection::NewConnection;
use crate::portal_url::SentAt;
use crate::request::Request;
use crate::retry::{Failure, Try};
use crate::session::PortalSession;
use crate::settings::Settings;
use crate::transport;

/// What the generated client returns.
type Answered =
    Result<ResponseValue<types::PortalSessionEnvelope>, generated::Error<types::ErrorEnvelope>>;

/// Sends one request and reads its answer.
pub(crate) async fn attempt(
    settings: &Settings,
    request: &Request,
    headers: &HeaderMap,
    plan: Try,
) -> Result<PortalSession, Failure> {
    let span = tracing::info_span!(
        "create_portal_session",
        attempt = plan.number,
        status = Empty,
        request_id = Empty
    );
    let exchange = Exchange::new(
        headers.clone(),
        settings.authorization.clone(),
        settings.user_agent.clone(),
        plan.left,
    );
    let sent = SentAt::now();
    let connection = NewConnection::default();
    let answered = exchange_within(settings, request, &exchange, plan, &connection)
        .instrument(span.clone())
        .await;
    let answer = exchange.take_answer();
    if let Some(answer) = &answer {
        record(&span, answer);
    }
    let outcome = match (answered, answer) {
        (Some(Ok(envelope)), Some(answer)) => answer.into_session(&envelope, sent, &settings.key),
        (answered, answer) => Err(error(answered, answer, settings, &plan)),
    };
    outcome.map_err(|error| Failure {
        error,
        connection_was_reused: was_reused(settings, &connection),
    })
}

/// The error of an exchange that did not open a portal.
fn error(
    answered: Option<Answered>,
    answer: Option<RawResponse>,
    settings: &Settings,
    plan: &Try,
) -> Error {
    match (answered, answer) {
        (None, _) => Error::Timeout {
            after: plan.started.elapsed(),
        },
        (Some(Err(generated::Error::CommunicationError(error))), answer) => {
            let status = answer.map(|answer| answer.status);
            transport::error(&error, status, plan.started.elapsed())
        }
        (_, Some(answer)) => answer.into_error(&settings.key),
        (_, None) => unreachable!("without an answer there is an error of communication"),
    }
}

/// The exchange, or `None` if the try's share of the deadline is over.
async fn exchange_within(
    settings: &Settings,
    request: &Request,
    exchange: &Exchange,
    plan: Try,
    connection: &NewConnection,
) -> Option<Answered> {
    let pool = settings.http.pool();
    let http = if plan.over_new_connection {
        settings.http.unpooled()
    } else {
        pool.client.clone()
    };
    let operation = generated::Client::new_with_client(&settings.base_url, http, exchange.clone());
    let mut answered =
        pin!(connection.observe(
            operation.create_portal_session(request.idempotency_key.as_ref(), &request.body)
        ));
    match timeout(plan.share, answered.as_mut()).await {
        Ok(answered) => Some(answered),
        // A new connection is not suspected of being dead, so the last try may take all the time.
        Err(_) if plan.is_last && !was_reused(settings, connection) => Some(answered.await),
        Err(_) => {
            if was_reused(settings, connection) {
                settings.http.abandon(&pool);
            }
            None
        }
    }
}

/// Whether the request was certainly sent over a kept connection.
fn was_reused(settings: &Settings, connection: &NewConnection) -> bool {
    settings.http.observes_connections() && !connection.was_opened()
}

fn record(span: &Span, answer: &RawResponse) {
    span.record("status", answer.status.as_u16());
    if let Some(request_id) = answer.header("x-request-id") {
        span.record("request_id", display(request_id));
    }
}
