//! The operation as a caller sees it: checked here, sent, repeated where that helps, all within one deadline.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use http::header::DATE;
use tracing::field::{Empty, display};
use tracing::{Instrument, Span};

use crate::exchange::Exchange;
use crate::generated::types::{self, PortalSessionEnvelope};
use crate::portal_url::Lifetime;
use crate::{Client, Error, PortalSession, PortalUrl, generated, retry, return_url};

/// A call of [`Client::create_portal_session`]: await it, or change its settings first.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until the call is awaited"]
pub struct CreatePortalSession {
    client: Client,
    return_url: String,
    timeout: Duration,
    max_retries: u32,
}

impl CreatePortalSession {
    pub(crate) fn new(client: Client, return_url: String) -> Self {
        let (timeout, max_retries) = (client.settings().timeout, client.settings().max_retries);
        Self {
            client,
            return_url,
            timeout,
            max_retries,
        }
    }

    /// How long this call may take, tries and pauses together.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often this call may be repeated after its first try.
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = max_retries;
        self
    }

    async fn send(self) -> Result<PortalSession, Error> {
        let request = return_url::parse(&self.return_url)?;
        let started = Instant::now();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(&request, attempt, started).await {
                Ok(session) => return Ok(session),
                Err(error) if attempt > self.max_retries => return Err(error),
                Err(error) => error,
            };
            let pause = retry::pause(&error, attempt, fastrand::f64());
            let left = self.timeout.saturating_sub(started.elapsed());
            let Some(pause) = pause.filter(|pause| *pause < left) else {
                return Err(error);
            };
            tracing::debug!(attempt, ?pause, %error, "trying again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// One request and its answer.
    async fn attempt(
        &self,
        request: &types::CreatePortalSession,
        attempt: u32,
        started: Instant,
    ) -> Result<PortalSession, Error> {
        let settings = self.client.settings();
        let left = self.timeout.saturating_sub(started.elapsed());
        let timeout = retry::try_limit(left, attempt > self.max_retries);
        let exchange = Exchange::new(
            settings.authorization.clone(),
            settings.user_agent.clone(),
            timeout,
        );
        let operation = generated::Client::new_with_client(
            &settings.base_url,
            settings.http.clone(),
            exchange.clone(),
        );
        let span = tracing::info_span!(
            "create_portal_session",
            attempt,
            status = Empty,
            request_id = Empty
        );

        let sent = (Instant::now(), SystemTime::now());
        let answered = operation
            .create_portal_session(request)
            .instrument(span.clone())
            .await;
        let answer = exchange.take_answer();
        if let Some(answer) = &answer {
            record(&span, answer);
        }
        match (answered, answer) {
            (Ok(envelope), Some(answer)) => {
                let lifetime = Lifetime {
                    sent,
                    date: answer.headers.get(DATE).cloned(),
                    expires_at: envelope.data.expires_at,
                };
                let request_id = answer.header("x-request-id").unwrap_or_default().to_owned();
                session(&envelope, lifetime, request_id).ok_or_else(|| {
                    answer.into_unexpected("whose portal URL is not one", &settings.key)
                })
            }
            (Err(generated::Error::CommunicationError(error)), answer) => Err(Error::transport(
                &error,
                answer.map(|answer| answer.status),
                started.elapsed(),
            )),
            (_, Some(answer)) => Err(answer.into_error(&settings.key)),
            (_, None) => {
                unreachable!("an operation ends with an answer or with an error of communication")
            }
        }
    }
}

fn record(span: &Span, answer: &crate::answer::Answer) {
    span.record("status", answer.status.as_u16());
    if let Some(request_id) = answer.header("x-request-id") {
        span.record("request_id", display(request_id));
    }
}

fn session(
    envelope: &PortalSessionEnvelope,
    lifetime: Lifetime,
    request_id: String,
) -> Option<PortalSession> {
    let expires_at = lifetime.expires_at;
    let portal_url =
        PortalUrl::parse(&envelope.data.portal_url, lifetime).filter(|_| envelope.success)?;
    Some(PortalSession {
        portal_url,
        expires_at,
        request_id,
    })
}

impl IntoFuture for CreatePortalSession {
    type Output = Result<PortalSession, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
