//! What a call sends: the request's body and its header, if they follow the rules of the contract.

use crate::error::Error;
use crate::flow::Flow;
use crate::generated::types;
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
