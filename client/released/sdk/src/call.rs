//! A call of any operation: sent, and repeated where that helps, within one deadline.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::attempt::attempt;
use crate::call_header;
use crate::error::Error;
use crate::operation::Operation;
use crate::retry::Retries;
use crate::settings::Settings;
use crate::trace_context::TraceContext;
use crate::unprinted::UnprintedHeaders;

/// What calls of all operations have: the client's settings, and those of this call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    settings: Arc<Settings>,
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
    pub(crate) trace: TraceContext,
    headers: Result<UnprintedHeaders, Error>,
}

impl Call {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            timeout: settings.timeout,
            max_retries: settings.max_retries,
            settings,
            trace: TraceContext::default(),
            headers: Ok(UnprintedHeaders::default()),
        }
    }

    /// Adds a header. One that is not allowed fails the call.
    pub(crate) fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.headers = self.headers.and_then(|mut headers| {
            let (name, value) = call_header::parse(name, value)?;
            headers.0.insert(name, value);
            Ok(headers)
        });
        self
    }

    pub(crate) async fn send<O: Operation>(self, operation: &O) -> Result<O::Output, Error> {
        let mut headers = self.headers?.0;
        self.trace.add_to(&mut headers);
        let mut retries = Retries::new(self.timeout, self.max_retries);
        loop {
            let tried = attempt(&self.settings, operation, &headers, retries.next_try());
            let failure = match tried.await {
                Ok(output) => return Ok(output),
                Err(failure) => failure,
            };
            let Some(pause) = retries.pause_after(&failure, fastrand::f64()) else {
                return Err(failure.error);
            };
            tracing::debug!(attempt = retries.made(), ?pause, error = %failure.error, "retrying");
            tokio::time::sleep(pause).await;
        }
    }
}
