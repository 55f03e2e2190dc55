//! One try of a call: one request and its answer.

use std::pin::pin;

use http::HeaderMap;
use tokio::time::timeout;
use tracing::field::display;
use tracing::{Instrument, Span};

use crate::error::Error;
use crate::exchange::{Exchange, RawResponse};
use crate::generated;
use crate::new_connection::NewConnection;
use crate::operation::{Answered, Operation};
use crate::portal_url::SentAt;
use crate::retry::{Failure, Try};
use crate::settings::Settings;
use crate::transport;

/// Sends one request and reads its answer.
pub(crate) async fn attempt<O: Operation>(
    settings: &Settings,
    operation: &O,
    headers: &HeaderMap,
    plan: Try,
) -> Result<O::Output, Failure> {
    let span = O::span(plan.number);
    let exchange = Exchange::new(
        headers.clone(),
        settings.authorization.clone(),
        settings.user_agent.clone(),
        plan.left,
    );
    let sent = SentAt::now();
    let connection = NewConnection::default();
    let answered = exchange_within(settings, operation, &exchange, plan, &connection)
        .instrument(span.clone())
        .await;
    let answer = exchange.take_answer();
    if let Some(answer) = &answer {
        record(&span, answer);
    }
    let outcome = match (answered, answer) {
        (Some(Ok(envelope)), Some(answer)) => O::read(answer, &envelope, sent, &settings.key),
        (answered, answer) => Err(error(answered, answer, settings, &plan)),
    };
    outcome.map_err(|error| Failure {
        error,
        connection_was_reused: was_reused(settings, &connection),
    })
}

/// The error of an exchange without a success.
fn error<T>(
    answered: Option<Answered<T>>,
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
async fn exchange_within<O: Operation>(
    settings: &Settings,
    operation: &O,
    exchange: &Exchange,
    plan: Try,
    connection: &NewConnection,
) -> Option<Answered<O::Envelope>> {
    let pool = settings.http.pool();
    let http = if plan.over_new_connection {
        settings.http.unpooled()
    } else {
        pool.client.clone()
    };
    let client = generated::Client::new_with_client(&settings.base_url, http, exchange.clone());
    let mut answered = pin!(connection.observe(operation.send(&client)));
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
