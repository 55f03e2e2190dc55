//! One request to Stripe and its response, bounded in time and size. What the response means is decided elsewhere.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, Uri,
    body::{Body, Incoming},
    header::{
        self, ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
        HeaderValue, USER_AGENT,
    },
};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};

use super::{
    attempt_error::AttemptError,
    call::{Call, SESSIONS},
    cause::UpstreamCause,
    connector::{Connector, OUR_USER_AGENT},
    network_failure::{cause_of, failure_through_proxy},
    resolver::Resolver,
    response::StripeResponse,
};
use crate::{certificate_authorities::LOAD_AUTHORITIES, config::StripeConfig};

/// The version of Stripe's API that this module was written for. It is sent with every request, so that the account's
/// default has no effect. It is the first that reports the feature `subscription_pause` again; older ones leave it out.
pub(super) const STRIPE_VERSION: &str = "2026-10-28.endive";

/// How long an attempt may take, from the connection to the last byte of the response. Two attempts and their waits fit
/// into the deadline of a call.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long an unused connection is kept. Stripe closes it sooner or later, too.
const MAX_IDLE: Duration = Duration::from_secs(90);
/// Unused connections that are kept at most: each takes about 30 KiB, so that those of a burst are closed.
const MAX_IDLE_CONNECTIONS: usize = 128;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Why the client for Stripe cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The certificate authorities of the system cannot be used.
    #[error("TLS: the certificate authorities of this system cannot be loaded ({0})")]
    Tls(#[from] std::io::Error),
    /// The base of Stripe's URLs is not one.
    #[error("stripe_api_base: {0}")]
    Base(#[from] hyper::http::uri::InvalidUri),
    /// The secret key or the host has characters that no header can have.
    #[error("stripe_secret_key or stripe_api_base: {0}")]
    Header(#[from] header::InvalidHeaderValue),
}

impl SetupError {
    /// What to do.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::Tls(_) => LOAD_AUTHORITIES,
            Self::Base(_) => "correct stripe_api_base",
            Self::Header(_) => "correct stripe_secret_key or stripe_api_base",
        }
    }
}

/// The HTTP client, with its connections to Stripe. It follows no redirect, decodes nothing and sends no cookie.
pub(super) struct Transport {
    http: Client<Connector, Full<Bytes>>,
    config: StripeConfig,
    /// Where sessions are created.
    sessions: Uri,
    /// What every request has.
    headers: HeaderMap,
}

/// Without the client, which has the credentials of the proxy, and the headers, which have the secret key.
impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Transport");
        shown.field("config", &self.config).finish_non_exhaustive()
    }
}

impl Transport {
    /// A client that has no connection yet.
    pub(super) fn new(config: StripeConfig, resolver: Resolver) -> Result<Self, SetupError> {
        let sessions = uri(&config.api_base, SESSIONS)?;
        let connector = Connector::new(&sessions, config.proxy.as_ref(), resolver)?;
        let http = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(MAX_IDLE)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .pool_timer(TokioTimer::new())
            .build(connector);
        let mut headers = HeaderMap::with_capacity(8);
        if let Some(stripe) = sessions.authority() {
            headers.insert(HOST, HeaderValue::from_str(stripe.as_str())?);
        }
        headers.insert(AUTHORIZATION, bearer(config.secret_key.expose())?);
        headers.insert("stripe-version", HeaderValue::from_static(STRIPE_VERSION));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, OUR_USER_AGENT);
        Ok(Self {
            http,
            config,
            sessions,
            headers,
        })
    }

    /// Where sessions are created.
    pub(super) fn sessions(&self) -> &Uri {
        &self.sessions
    }

    /// The settings of the connection.
    pub(super) fn config(&self) -> &StripeConfig {
        &self.config
    }

    /// Sends the request once and reads the response.
    pub(super) async fn attempt(
        &self,
        call: &Call,
        timeout: Duration,
    ) -> Result<StripeResponse, AttemptError> {
        match tokio::time::timeout(timeout.min(ATTEMPT_TIMEOUT), self.exchange(call)).await {
            Ok(result) => result,
            Err(_) => Err(UpstreamCause::Timeout.into()),
        }
    }

    async fn exchange(&self, call: &Call) -> Result<StripeResponse, AttemptError> {
        let request = self.request(call)?;
        let response = self.http.request(request).await.map_err(|error| {
            if self.config.proxy.is_some() {
                failure_through_proxy(&error)
            } else {
                cause_of(&error).into()
            }
        })?;
        read(response, call.max_response_bytes).await
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, AttemptError> {
        // What cannot be a part of a request is a mistake of ours.
        let unsendable = |_| AttemptError::from(UpstreamCause::BadRequest);
        let mut request = Request::new(Full::new(call.form.clone()));
        *request.uri_mut() = if call.path == SESSIONS {
            self.sessions.clone()
        } else {
            uri(&self.config.api_base, &call.path).map_err(|_| UpstreamCause::BadRequest)?
        };
        let mut headers = self.headers.clone();
        if call.method == Method::POST {
            let key = HeaderValue::from_str(&call.idempotency_key).map_err(unsendable)?;
            headers.insert(IDEMPOTENCY_KEY, key);
            headers.insert(CONTENT_TYPE, FORM);
        }
        *request.headers_mut() = headers;
        *request.method_mut() = call.method.clone();
        Ok(request)
    }
}

fn uri(base: &str, path: &str) -> Result<Uri, hyper::http::uri::InvalidUri> {
    format!("{base}{path}").parse()
}

/// Marked, so that no `Debug` shows it.
fn bearer(secret: &str) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {secret}"))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

async fn read(
    response: Response<Incoming>,
    max_bytes: usize,
) -> Result<StripeResponse, AttemptError> {
    let (head, body) = response.into_parts();
    let response = StripeResponse::without_body(head.status.as_u16(), &head.headers);
    match read_body(&head.headers, body, max_bytes).await {
        Ok(body) => Ok(response.with_body(body)),
        // Only a success needs its body: the meaning of an error is in its status.
        Err(error) if head.status.is_success() => Err(AttemptError {
            upstream_status: Some(response.status),
            stripe_request_id: response.request_id,
            ..error
        }),
        Err(_) => Ok(response),
    }
}

async fn read_body(
    headers: &HeaderMap,
    body: Incoming,
    max_bytes: usize,
) -> Result<Vec<u8>, AttemptError> {
    let unacceptable = |reason: &str| AttemptError {
        reason: reason.to_owned(),
        ..UpstreamCause::InvalidResponse.into()
    };
    // Identity was requested. A coded body is never decoded, whatever its size would be.
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(unacceptable("content_encoding"));
    }
    match bounded_body(body, max_bytes).await {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err(unacceptable("response_too_large")),
        Err(_) => Err(UpstreamCause::Truncated.into()),
    }
}

/// The body. `None` if it is too large; then it is not read to its end.
async fn bounded_body(mut body: Incoming, max_bytes: usize) -> hyper::Result<Option<Vec<u8>>> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > max_bytes {
        return Ok(None);
    }
    // With its final capacity: what is moved to a larger place leaves a copy of the portal's URL.
    let mut bytes = Vec::with_capacity(declared);
    while let Some(frame) = body.frame().await {
        if let Some(chunk) = frame?.data_ref() {
            if bytes.len() + chunk.len() > max_bytes {
                return Ok(None);
            }
            bytes.extend_from_slice(chunk);
        }
    }
    Ok(Some(bytes))
}
