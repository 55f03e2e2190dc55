//! One answer of the service, and what a test may claim of it.

use serde_json::Value;

/// Every error of the design, and the one of webhooks: status, code and text. Not read from the contract, which is held to it too.
#[rustfmt::skip]
const ERRORS: [(u16, &str, &str); 15] = [
    (400, "BAD_REQUEST", "request body must be one JSON object"),
    (400, "INVALID_SIGNATURE", "webhook signature verification failed"),
    (401, "UNAUTHORIZED", "authentication failed"),
    (403, "FORBIDDEN", "missing required scope"),
    (404, "NOT_FOUND", "not found"),
    (405, "METHOD_NOT_ALLOWED", "method not allowed"),
    (408, "REQUEST_TIMEOUT", "request body was not received in time"),
    (409, "NO_STRIPE_CUSTOMER", "organization has no stripe customer; subscribe first"),
    (413, "PAYLOAD_TOO_LARGE", "request body is too large"),
    (415, "UNSUPPORTED_MEDIA_TYPE", "content type must be application/json"),
    (422, "VALIDATION_FAILED", "validation failed"),
    (429, "RATE_LIMITED", "too many requests"),
    (500, "INTERNAL", "internal error"),
    (502, "BILLING_PORTAL_UNAVAILABLE", "billing portal session could not be created"),
    (503, "SERVICE_UNAVAILABLE", "service is temporarily unavailable"),
];

/// The row of a code.
#[track_caller]
pub(crate) fn error(code: &str) -> (u16, &'static str, &'static str) {
    let row = ERRORS.iter().find(|(_, known, _)| *known == code);
    *row.unwrap_or_else(|| panic!("{code} is not in the table"))
}

/// Whether there is such a code.
pub(crate) fn is_code(code: &str) -> bool {
    ERRORS.iter().any(|(_, known, _)| *known == code)
}

/// What 403 says beyond 401 (RFC 6750).
const INSUFFICIENT_SCOPE: &str = r#"Bearer error="insufficient_scope", scope="billing:write""#;

/// A status, the headers in their order, and the whole body.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads a status line and headers; names are lower-cased, bytes are taken as Latin-1.
    pub(crate) fn from_head(head: &[u8]) -> Option<Self> {
        let head: String = head.iter().map(|&byte| char::from(byte)).collect();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':')?;
                Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            })
            .collect::<Option<_>>()?;
        Some(Self {
            status,
            headers,
            body: Vec::new(),
        })
    }

    /// As it goes over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} \r\n", self.status);
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// The value of a header; none if it is absent or there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// The body as text; not UTF-8 is a failure of the service.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The body as JSON, null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// `error.code`, if there is one.
    pub(crate) fn code(&self) -> Option<String> {
        self.json()["error"]["code"].as_str().map(str::to_owned)
    }

    /// The id of the request, from the header.
    pub(crate) fn request_id(&self) -> &str {
        self.header("x-request-id").unwrap_or_default()
    }

    /// Claims the whole error body of a code, byte for byte, with its status and headers.
    #[track_caller]
    pub(crate) fn assert_error(&self, code: &str) -> &Self {
        self.assert_error_with(code, "")
    }

    /// The same with one wrong field.
    #[track_caller]
    pub(crate) fn assert_invalid(&self, field: &str, problem: &str) -> &Self {
        let (field, problem) = (Value::from(field), Value::from(problem));
        self.assert_error_with(
            "VALIDATION_FAILED",
            &format!(r#","details":{{{field}:{problem}}}"#),
        )
    }

    #[track_caller]
    fn assert_error_with(&self, code: &str, details: &str) -> &Self {
        let (status, _, message) = error(code);
        let request_id = self.request_id();
        let body = format!(
            r#"{{"success":false,"error":{{"code":"{code}","message":"{message}","request_id":"{request_id}"{details}}}}}"#
        );
        match status {
            401 => self.assert_header("www-authenticate", "Bearer"),
            403 => self.assert_header("www-authenticate", INSUFFICIENT_SCOPE),
            405 => self.assert_header("allow", "POST"),
            429 | 503 => self.assert_retry_after(1..=60),
            _ => self,
        }
        .assert_body(status, &body)
    }

    /// Claims the status and the whole body.
    #[track_caller]
    pub(crate) fn assert_body(&self, status: u16, body: &str) -> &Self {
        assert_eq!((self.status, self.text()), (status, body));
        self.assert_header("content-type", "application/json")
            .assert_header("cache-control", "no-store")
            .assert_header("x-content-type-options", "nosniff")
    }

    /// Claims the whole value of a header that is there once.
    #[track_caller]
    pub(crate) fn assert_header(&self, name: &str, value: &str) -> &Self {
        assert_eq!(
            self.header(name),
            Some(value),
            "header {name} in {:?}",
            self.headers
        );
        self
    }

    /// Claims that waiting this many seconds is asked for.
    #[track_caller]
    pub(crate) fn assert_retry_after(&self, seconds: std::ops::RangeInclusive<u64>) -> &Self {
        let value = self
            .header("retry-after")
            .and_then(|value| value.parse().ok());
        assert!(
            value.is_some_and(|value| seconds.contains(&value)),
            "retry-after in {:?}",
            self.headers
        );
        self
    }
}
