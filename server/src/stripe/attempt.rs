//! One request to Stripe and its answer, bounded in time and size, without any judgement of it.

use std::{error::Error as _, io, time::Duration};

use chrono::DateTime;
use reqwest::{Client, Method, Response, header};
use serde_json::Value;

use super::{
    answer::{Answer, readable},
    cause::UpstreamCause,
    failure::Failure,
    resolver::Resolver,
};
use crate::{config::StripeSettings, ids::is_stripe_id_byte};

/// The version of Stripe's API that this module was written against; sent with every request, so that the account's
/// default does not matter.
pub(super) const STRIPE_VERSION: &str = "2026-09-30.endive";

/// How long a try may take, from the connection to the answer's last byte.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// A request, ready to be sent as often as it takes.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// GET or POST.
    pub method: Method,
    /// The path, beginning with `/v1/`, with the query of a GET.
    pub path: String,
    /// The form of a POST.
    pub form: Vec<(String, String)>,
    /// The same for all tries of a POST: Stripe does the thing once.
    pub idempotency_key: String,
    /// A larger answer is not read to its end.
    pub max_answer_bytes: usize,
}

impl Call {
    /// A call that changes nothing.
    pub(super) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            form: Vec::new(),
            idempotency_key: String::new(),
            max_answer_bytes: MAX_ANSWER_BYTES,
        }
    }

    /// A call that changes something, once for each key.
    pub(super) fn post(path: &str, form: Vec<(String, String)>, idempotency_key: String) -> Self {
        Self {
            method: Method::POST,
            form,
            idempotency_key,
            ..Self::get(path.to_owned())
        }
    }
}

/// The connections to Stripe.
#[derive(Debug)]
pub(super) struct Transport {
    http: Client,
    settings: StripeSettings,
}

impl Transport {
    /// Connections that follow no redirect, ask no proxy, and trust the system's certificate authorities only.
    pub(super) fn new(
        settings: StripeSettings,
        resolver: Resolver,
    ) -> Result<Self, reqwest::Error> {
        let mut http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .https_only(settings.api_base.starts_with("https:"))
            .user_agent(concat!("billing-portal/", env!("CARGO_PKG_VERSION")));
        if let Some(resolver) = resolver.custom() {
            http = http.dns_resolver(resolver);
        }
        let http = http.build()?;
        Ok(Self { http, settings })
    }

    /// The settings.
    pub(super) fn settings(&self) -> &StripeSettings {
        &self.settings
    }

    /// Sends the request once and reads the answer.
    pub(super) async fn attempt(&self, call: &Call, timeout: Duration) -> Result<Answer, Failure> {
        match tokio::time::timeout(timeout.min(ATTEMPT_TIMEOUT), self.exchange(call)).await {
            Ok(answer) => answer,
            Err(_) => Err(UpstreamCause::Timeout.into()),
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, Failure> {
        let url = format!("{}{}", self.settings.api_base, call.path);
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .bearer_auth(self.settings.secret_key.expose())
            .header("Stripe-Version", STRIPE_VERSION)
            .header(header::ACCEPT_ENCODING, "identity");
        if call.method == Method::POST {
            request = request
                .header("Idempotency-Key", &call.idempotency_key)
                .form(&call.form);
        }
        let response = request.send().await.map_err(|error| cause_of(&error))?;
        read(response, call.max_answer_bytes).await
    }
}

/// A number of seconds. A day is for ever here; much more would overflow the arithmetic of deadlines.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse::<u64>().unwrap_or(u64::MAX).min(86_400);
    is_number.then(|| Duration::from_secs(seconds))
}

/// The answer without its body.
fn head(response: &Response) -> Answer {
    let text = |name: &str| response.headers().get(name)?.to_str().ok();
    Answer {
        status: response.status().as_u16(),
        request_id: text("request-id")
            .and_then(|id| readable(id, is_stripe_id_byte))
            .unwrap_or_default()
            .to_owned(),
        should_retry: text("stripe-should-retry").and_then(|word| word.parse().ok()),
        retry_after: text("retry-after").and_then(seconds),
        replayed: text("idempotent-replayed") == Some("true"),
        date: text("date")
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .map(|date| date.to_utc()),
        body: Value::Null,
    }
}

async fn read(mut response: Response, max_bytes: usize) -> Result<Answer, Failure> {
    let mut answer = head(&response);
    let (status, request_id) = (answer.status, answer.request_id.clone());
    let failed = |cause: UpstreamCause| Failure {
        upstream_status: Some(status),
        stripe_request_id: request_id.clone(),
        ..cause.into()
    };
    let unacceptable = |reason: &str| Failure {
        reason: reason.to_owned(),
        ..failed(UpstreamCause::InvalidResponse)
    };
    // Identity was asked for; a coded body is never unpacked, whatever it would become.
    let codings = response.headers().get_all(header::CONTENT_ENCODING);
    let coded = codings
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let body = if coded {
        Err(unacceptable("content_encoding"))
    } else {
        match bounded_body(&mut response, max_bytes).await {
            Ok(Some(body)) => Ok(body),
            Ok(None) => Err(unacceptable("response_too_large")),
            Err(_) => Err(failed(UpstreamCause::Truncated)),
        }
    };
    match body {
        Ok(body) => answer.body = serde_json::from_slice(&body).unwrap_or_default(),
        // A refusal or failure says what it is by its status; only what is asked for needs its body.
        Err(failure) if (200..300).contains(&status) => return Err(failure),
        Err(_) => {}
    }
    Ok(answer)
}

/// The body; none where it is too large, and then it is not read to its end.
async fn bounded_body(
    response: &mut Response,
    max_bytes: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let too_large = |length: usize| length > max_bytes;
    let declared = response.content_length();
    if declared.is_some_and(|length| usize::try_from(length).map_or(true, too_large)) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if too_large(bytes.len() + chunk.len()) {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// What went wrong below HTTP. reqwest tells only the layer, so the chain of causes is asked.
fn cause_of(error: &reqwest::Error) -> UpstreamCause {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>().map(innermost) {
            if io
                .get_ref()
                .is_some_and(|tls| tls.downcast_ref::<rustls::Error>().is_some())
            {
                return UpstreamCause::Tls;
            }
            let is_reset = matches!(
                io.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            );
            // Before the connection was there, nothing had been sent.
            if is_reset && !error.is_connect() {
                return UpstreamCause::Reset;
            }
        }
        if inner.to_string() == "dns error" {
            return UpstreamCause::Dns;
        }
        source = inner.source();
    }
    match error {
        error if error.is_timeout() && error.is_connect() => UpstreamCause::ConnectTimeout,
        error if error.is_timeout() => UpstreamCause::Timeout,
        error if error.is_connect() => UpstreamCause::Connect,
        error if format!("{error:?}").contains("IncompleteMessage") => UpstreamCause::Closed,
        _ => UpstreamCause::Protocol,
    }
}

/// An I/O error may hold another, which its chain of causes leaves out: the TLS layer's is found only so.
fn innermost(error: &io::Error) -> &io::Error {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<io::Error>());
    inner.map_or(error, innermost)
}
