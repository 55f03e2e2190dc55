//! The operation as a caller sees it: checked here, sent, and repeated where that helps, within one deadline.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::field::{Empty, display};
use tracing::{Instrument, Span};

use crate::error::Error;
use crate::exchange::{Exchange, RawResponse};
use crate::generated::{self, types};
use crate::portal_url::SentAt;
use crate::session::PortalSession;
use crate::settings::Settings;
use crate::{retry, return_url};

/// A call of [`Client::create_portal_session`](crate::Client::create_portal_session): await it, or change its settings
/// first.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until the call is awaited"]
pub struct CreatePortalSession {
    settings: Arc<Settings>,
    return_url: String,
    timeout: Duration,
    max_retries: u32,
}

impl CreatePortalSession {
    pub(crate) fn new(settings: Arc<Settings>, return_url: String) -> Self {
        Self {
            timeout: settings.timeout,
            max_retries: settings.max_retries,
            settings,
            return_url,
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
            tracing::debug!(attempt, ?pause, %error, "retrying");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Sends one request and reads its answer.
    async fn attempt(
        &self,
        request: &types::CreatePortalSession,
        attempt: u32,
        started: Instant,
    ) -> Result<PortalSession, Error> {
        let left = self.timeout.saturating_sub(started.elapsed());
        let exchange = Exchange::new(
            self.settings.authorization.clone(),
            self.settings.user_agent.clone(),
            retry::try_limit(left, attempt > self.max_retries),
        );
        let operation = generated::Client::new_with_client(
            &self.settings.base_url,
            self.settings.http.clone(),
            exchange.clone(),
        );
        let span = tracing::info_span!(
            "create_portal_session",
            attempt,
            status = Empty,
            request_id = Empty
        );

        let sent = SentAt::now();
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
                answer.into_session(&envelope, sent, &self.settings.key)
            }
            (Err(generated::Error::CommunicationError(error)), answer) => Err(Error::transport(
                &error,
                answer.map(|answer| answer.status),
                started.elapsed(),
            )),
            (_, Some(answer)) => Err(answer.into_error(&self.settings.key)),
            (_, None) => {
                unreachable!("without an answer there is an error of communication")
            }
        }
    }
}

fn record(span: &Span, answer: &RawResponse) {
    span.record("status", answer.status.as_u16());
    if let Some(request_id) = answer.header("x-request-id") {
        span.record("request_id", display(request_id));
    }
}

impl IntoFuture for CreatePortalSession {
    type Output = Result<PortalSession, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
