//! What a call sends: the request's body and its header, if they follow the rules of the contract.

use tracing::Span;

use crate::api_key::ApiKey;
use crate::error::Error;
use crate::exchange::RawResponse;
use crate::flow::Flow;
use crate::generated::{self, types};
use crate::operation::{Answered, Operation, span};
use crate::portal_url::SentAt;
use crate::session::PortalSession;
use crate::{locale, return_url};

/// What a program has chosen about a session.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) return_url: String,
    pub(crate) flow: Option<Flow>,
    pub(crate) locale: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// The same, checked.
pub(crate) struct Request {
    pub(crate) idempotency_key: Option<types::CreatePortalSessionIdempotencyKey>,
    pub(crate) body: types::CreatePortalSession,
}

impl Wanted {
    /// What is sent. The error names the first field that is wrong.
    pub(crate) fn check(&self) -> Result<Request, Error> {
        let body = types::CreatePortalSession {
            return_url: return_url::parse(&self.return_url)?,
            flow: self.flow.map(types::Flow::from),
            locale: self.locale.as_deref().map(locale::parse).transpose()?,
        };
        let key = self.idempotency_key.as_deref();
        Ok(Request {
            idempotency_key: key.map(idempotency_key).transpose()?,
            body,
        })
    }
}

impl Operation for Request {
    type Envelope = types::PortalSessionEnvelope;
    type Output = PortalSession;

    fn span(attempt: u32) -> Span {
        span!("create_portal_session", attempt)
    }

    async fn send(&self, client: &generated::Client) -> Answered<Self::Envelope> {
        let key = self.idempotency_key.as_ref();
        client.create_portal_session(key, &self.body).await
    }

    fn read(
        answer: RawResponse,
        envelope: &Self::Envelope,
        sent: SentAt,
        key: &ApiKey,
    ) -> Result<PortalSession, Error> {
        answer.into_session(envelope, sent, key)
    }
}

fn idempotency_key(text: &str) -> Result<types::CreatePortalSessionIdempotencyKey, Error> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    // The length is the contract's: the generated type holds the bounds.
    let key = types::CreatePortalSessionIdempotencyKey::try_from(text);
    key.ok()
        .filter(|_| visible)
        .ok_or_else(|| Error::InvalidRequest {
            field: "Idempotency-Key",
            problem: "is not 1 to 255 visible ASCII characters".to_owned(),
        })
}
