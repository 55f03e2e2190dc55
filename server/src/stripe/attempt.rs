//! One request to Stripe and its response, bounded in time and size. What the response means is decided elsewhere.

use std::{fmt, time::Duration};

use chrono::DateTime;
use reqwest::{Client, Method, Proxy, Response, header};

use super::{
    attempt_error::AttemptError,
    cause::UpstreamCause,
    network_failure::{cause_of, failure_through_proxy},
    resolver::Resolver,
    response::{Body, StripeResponse, loggable},
};
use crate::{config::StripeConfig, ids::is_stripe_id_byte};

/// The version of Stripe's API that this module was written for. It is sent with every request, so that the account's
/// default has no effect. It is the first that reports the feature `subscription_pause` again; older ones leave it out.
pub(super) const STRIPE_VERSION: &str = "2026-10-28.endive";

/// How long an attempt may take, from the connection to the last byte of the response. Two attempts and their waits fit
/// into the deadline of a call.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long connecting may take, with the look-up and the TLS handshake. Stripe connects within 200 ms, and a lost SYN is sent again
/// after one second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest response about one object, in bytes. A session or a configuration has less than 40 KiB.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The largest page of a list, in bytes: room for a hundred customers with fifty metadata of five hundred characters and
/// more.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// A proxy's answer to a request without the credentials that it requires.
const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;
/// The longest wait that is read from `Retry-After`: a day. A larger number would overflow the arithmetic of deadlines.
const MAX_RETRY_AFTER_SECONDS: u64 = 86_400;

/// A request that can be sent several times.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// GET or POST.
    pub method: Method,
    /// The path, beginning with `/v1/`, with the query of a GET.
    pub path: String,
    /// The form of a POST.
    pub form: Vec<(String, String)>,
    /// The same for all attempts of a POST, so that Stripe executes it once.
    pub idempotency_key: String,
    /// The largest response that is read, in bytes.
    pub max_response_bytes: usize,
}

impl Call {
    /// A call that changes nothing.
    pub(super) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            form: Vec::new(),
            idempotency_key: String::new(),
            max_response_bytes: MAX_RESPONSE_BYTES,
        }
    }

    /// A call for a page of a list.
    pub(super) fn list(path: String) -> Self {
        Self {
            max_response_bytes: MAX_PAGE_BYTES,
            ..Self::get(path)
        }
    }

    /// A call that changes something, once per key.
    pub(super) fn post(path: &str, form: Vec<(String, String)>, idempotency_key: String) -> Self {
        Self {
            method: Method::POST,
            form,
            idempotency_key,
            ..Self::get(path.to_owned())
        }
    }
}

/// The HTTP client, with its connections to Stripe.
pub(super) struct Transport {
    http: Client,
    config: StripeConfig,
}

/// Without the client, which has the credentials of the proxy.
impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Transport");
        shown.field("config", &self.config).finish_non_exhaustive()
    }
}

impl Transport {
    /// A client that follows no redirect, uses no proxy but the one of the settings, and trusts only the system's
    /// certificate authorities.
    pub(super) fn new(config: StripeConfig, resolver: Resolver) -> Result<Self, reqwest::Error> {
        let mut http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .https_only(config.api_base.starts_with("https:"))
            .user_agent(concat!("billing-portal/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(resolver);
        if let Some(proxy) = &config.proxy {
            http = http.proxy(Proxy::all(proxy.expose())?);
        }
        let http = http.build()?;
        Ok(Self { http, config })
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
        let url = format!("{}{}", self.config.api_base, call.path);
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .bearer_auth(self.config.secret_key.expose())
            .header("Stripe-Version", STRIPE_VERSION)
            .header(header::ACCEPT_ENCODING, "identity");
        if call.method == Method::POST {
            request = request
                .header("Idempotency-Key", &call.idempotency_key)
                .form(&call.form);
        }
        let has_proxy = self.config.proxy.is_some();
        let response = request.send().await.map_err(|error| {
            if has_proxy {
                failure_through_proxy(&error)
            } else {
                cause_of(&error).into()
            }
        })?;
        // Stripe does not use this status.
        if has_proxy && response.status() == PROXY_AUTHENTICATION_REQUIRED {
            return Err(UpstreamCause::ProxyCredentialsRefused.into());
        }
        read(response, call.max_response_bytes).await
    }
}

/// A number of seconds, at most [`MAX_RETRY_AFTER_SECONDS`]. A date is not read: Stripe sends numbers.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Digits that do not fit into the type are a very long wait.
    let seconds = text
        .parse::<u64>()
        .unwrap_or(u64::MAX)
        .min(MAX_RETRY_AFTER_SECONDS);
    is_number.then(|| Duration::from_secs(seconds))
}

/// The response without its body.
fn head(response: &Response) -> StripeResponse {
    let text = |name: &str| response.headers().get(name)?.to_str().ok();
    StripeResponse {
        status: response.status().as_u16(),
        request_id: text("request-id")
            .and_then(|id| loggable(id, is_stripe_id_byte))
            .unwrap_or_default()
            .to_owned(),
        should_retry: text("stripe-should-retry").and_then(|word| word.parse().ok()),
        retry_after: text("retry-after").and_then(seconds),
        replayed: text("idempotent-replayed") == Some("true"),
        date: text("date")
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .map(|date| date.to_utc()),
        body: Body::default(),
    }
}

async fn read(mut response: Response, max_bytes: usize) -> Result<StripeResponse, AttemptError> {
    let mut read = head(&response);
    match read_body(&mut response, max_bytes).await {
        Ok(body) => read.body = Body::parse(body),
        // Only a success needs its body: the meaning of an error is in its status.
        Err(error) if (200..300).contains(&read.status) => {
            return Err(AttemptError {
                upstream_status: Some(read.status),
                stripe_request_id: read.request_id,
                ..error
            });
        }
        Err(_) => {}
    }
    Ok(read)
}

async fn read_body(response: &mut Response, max_bytes: usize) -> Result<Vec<u8>, AttemptError> {
    let unacceptable = |reason: &str| AttemptError {
        reason: reason.to_owned(),
        ..UpstreamCause::InvalidResponse.into()
    };
    // Identity was requested. A coded body is never decoded, whatever its size would be.
    let mut codings = response.headers().get_all(header::CONTENT_ENCODING).iter();
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(unacceptable("content_encoding"));
    }
    match bounded_body(response, max_bytes).await {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err(unacceptable("response_too_large")),
        Err(_) => Err(UpstreamCause::Truncated.into()),
    }
}

/// The body. `None` if it is too large; then it is not read to its end.
async fn bounded_body(
    response: &mut Response,
    max_bytes: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let too_large = |length: usize| length > max_bytes;
    let declared = response.content_length().unwrap_or_default();
    let Some(declared) = usize::try_from(declared)
        .ok()
        .filter(|length| !too_large(*length))
    else {
        return Ok(None);
    };
    // With its final capacity: what is moved to a larger place leaves a copy of the portal's URL.
    let mut bytes = Vec::with_capacity(declared);
    while let Some(chunk) = response.chunk().await? {
        if too_large(bytes.len() + chunk.len()) {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}
