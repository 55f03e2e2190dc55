//! What an answer means: an open session, an error of the service, or something unexpected.

use http::StatusCode;
use http::header::DATE;

use crate::api_error::ApiError;
use crate::api_key::ApiKey;
use crate::error::Error;
use crate::error_code::ErrorCode;
use crate::exchange::RawResponse;
use crate::generated::types::{ErrorBody, ErrorEnvelope, PortalSessionEnvelope};
use crate::portal_url::{Lifetime, PortalUrl, SentAt};
use crate::retry_after::retry_after;
use crate::session::PortalSession;
use crate::unexpected_answer::UnexpectedAnswer;
use crate::unprinted::UnprintedHeaders;

/// The most characters of an answer's body that an error keeps: enough to recognize a proxy's page.
const EXCERPT_CHARACTERS: usize = 512;

impl RawResponse {
    /// The open session, if the answer's URL is one to which a browser may be sent.
    pub(crate) fn into_session(
        self,
        envelope: &PortalSessionEnvelope,
        sent: SentAt,
        key: &ApiKey,
    ) -> Result<PortalSession, Error> {
        let lifetime = Lifetime {
            sent,
            date: self.headers.get(DATE).cloned(),
            expires_at: envelope.data.expires_at,
        };
        if !envelope.success {
            return Err(self.into_error(key));
        }
        match PortalUrl::parse(&envelope.data.portal_url, lifetime) {
            Some(portal_url) => Ok(PortalSession {
                portal_url,
                expires_at: envelope.data.expires_at,
                request_id: self.header("x-request-id").unwrap_or("").to_owned(),
                headers: UnprintedHeaders(self.headers),
            }),
            None => Err(self.into_unexpected("whose portal URL is not valid", key)),
        }
    }

    /// The error in the answer: the service's, if the body is its envelope, otherwise an unexpected answer.
    pub(crate) fn into_error(self, key: &ApiKey) -> Error {
        match serde_json::from_slice::<ErrorEnvelope>(&self.body) {
            Ok(envelope) if !envelope.success => self.into_api_error(&envelope.error, key),
            _ if self.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                self.into_unexpected("from a proxy that requires credentials", key)
            }
            _ => self.into_unexpected("without the service's envelope", key),
        }
    }

    fn into_api_error(self, error: &ErrorBody, key: &ApiKey) -> Error {
        let code = code(&error.code, key);
        Error::Api(Box::new(ApiError {
            help_url: help_url(&self.url, &code),
            status: self.status,
            code,
            message: key.redact(&error.message),
            request_id: key.redact(&error.request_id),
            details: error
                .details
                .iter()
                .map(|(field, problem)| (key.redact(field), key.redact(problem)))
                .collect(),
            retry_after: retry_after(&self.headers),
            excerpt: self.excerpt(key),
            headers: self.headers,
        }))
    }

    fn into_unexpected(self, problem: &'static str, key: &ApiKey) -> Error {
        Error::UnexpectedAnswer(Box::new(UnexpectedAnswer {
            status: self.status,
            problem,
            code: self.code.as_deref().map(|text| code(text, key)),
            request_id: self.header("x-request-id").map(str::to_owned),
            retry_after: retry_after(&self.headers),
            excerpt: self.excerpt(key),
            headers: self.headers,
        }))
    }

    /// The beginning of the body, without the key: a server may repeat the request in its answer.
    fn excerpt(&self, key: &ApiKey) -> String {
        // Redacted before it is cut, so that no part of a key is left at the end.
        let text = key.redact(&String::from_utf8_lossy(&self.body));
        text.chars().take(EXCERPT_CHARACTERS).collect()
    }
}

/// The place of the code in the reference of the service to which the request was sent; the codes are anchors there.
fn help_url(sent_to: &str, code: &ErrorCode) -> String {
    let base_url = sent_to.rsplit_once("/v1/").map_or("", |(base, _)| base);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let anchor = match code.as_str() {
        code if code.as_bytes().iter().all(is_name) => format!("#{code}"),
        _ => String::new(),
    };
    format!("{base_url}/docs/reference{anchor}")
}

/// An error code. A text from an unknown server may be long, and may repeat the key.
fn code(text: &str, key: &ApiKey) -> ErrorCode {
    let text: String = key.redact(text).chars().take(EXCERPT_CHARACTERS).collect();
    ErrorCode::from(text.as_str())
}
