//! What is different between the operations: what is sent, what the span is called, and what a success becomes.

use progenitor_client::ResponseValue;
use tracing::Span;

use crate::api_key::ApiKey;
use crate::error::Error;
use crate::exchange::RawResponse;
use crate::generated::{self, types};
use crate::portal_url::SentAt;

/// What the generated client returns.
pub(crate) type Answered<T> = Result<ResponseValue<T>, generated::Error<types::ErrorEnvelope>>;

/// A request that can be sent several times.
pub(crate) trait Operation: Sync {
    /// The envelope of a success.
    type Envelope: Send + Sync;
    /// What a program gets.
    type Output;

    /// The span of one try, with the fields `attempt`, `status` and `request_id`.
    fn span(attempt: u32) -> Span;

    /// Sends the request.
    fn send(
        &self,
        client: &generated::Client,
    ) -> impl Future<Output = Answered<Self::Envelope>> + Send;

    /// What a success means. `sent` is when the request was.
    fn read(
        answer: RawResponse,
        envelope: &Self::Envelope,
        sent: SentAt,
        key: &ApiKey,
    ) -> Result<Self::Output, Error>;
}

/// The span of an operation; its name has to be a constant.
macro_rules! span {
    ($name:literal, $attempt:expr) => {
        tracing::info_span!(
            $name,
            attempt = $attempt,
            status = tracing::field::Empty,
            request_id = tracing::field::Empty
        )
    };
}
pub(crate) use span;
