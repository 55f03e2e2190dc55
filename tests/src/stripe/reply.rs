//! One answer of the simulated Stripe, from an endpoint or from a test's script.

use std::time::Duration;

use serde_json::Value;
use wiremock::ResponseTemplate;
use wiremock::http::{HeaderName, HeaderValue};

/// A status, headers and a body, after a delay.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
}

impl Reply {
    /// A status with an empty body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
        }
    }

    /// A status with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::status(status)
            .header("Content-Type", "application/json")
            .body(body.to_string())
    }

    /// No answer within any deadline that a test waits for.
    #[must_use]
    pub fn hang() -> Self {
        Self::status(504).after(Duration::from_hours(1))
    }

    /// With this body, whatever it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With this header too.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Only after this time.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Every answer of Stripe has a `Request-Id`, also a failure.
    pub(super) fn with_request_id(self, call: usize) -> Self {
        if self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("Request-Id"))
        {
            return self;
        }
        self.header("Request-Id", &format!("req_simulated{call:06}"))
    }

    pub(super) fn into_response(self) -> ResponseTemplate {
        let mut response = ResponseTemplate::new(self.status).set_body_bytes(self.body);
        for (name, value) in self.headers {
            // A script may hold what is no header at all; sending the rest would hide that.
            let name = HeaderName::try_from(name).expect("a scripted header has a valid name");
            let value = HeaderValue::try_from(value).expect("a scripted header has a valid value");
            response = response.append_header(name, value);
        }
        if self.delay.is_zero() {
            response
        } else {
            response.set_delay(self.delay)
        }
    }
}
