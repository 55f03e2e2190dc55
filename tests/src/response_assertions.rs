//! What a test may assert of a response of the service: the whole body of an error or a success, and its headers.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::http_message::TestResponse;

/// Every error of the operation, and the one of webhooks: status, code and text. It is not read from the contract,
/// because the tests compare the contract with it too.
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

/// The status, code and text of an error.
///
/// # Panics
/// If there is no error of this code.
#[must_use]
#[track_caller]
pub fn error(code: &str) -> (u16, &'static str, &'static str) {
    let row = ERRORS.iter().find(|(_, known, _)| *known == code);
    *row.unwrap_or_else(|| panic!("{code} is not in the table"))
}

/// Whether there is an error of this code.
#[must_use]
pub fn is_code(code: &str) -> bool {
    ERRORS.iter().any(|(_, known, _)| *known == code)
}

/// The `WWW-Authenticate` of a 403 (RFC 6750, section 3).
const INSUFFICIENT_SCOPE: &str = r#"Bearer error="insufficient_scope", scope="billing:write""#;

impl TestResponse {
    /// Asserts that this is the error of this code: its whole body, byte for byte, its status and its headers.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn assert_error(&self, code: &str) -> &Self {
        self.assert_error_with(code, "")
    }

    /// Asserts that this is a validation error with one wrong field.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn assert_invalid(&self, field: &str, problem: &str) -> &Self {
        let (field, problem) = (Value::from(field), Value::from(problem));
        self.assert_error_with(
            "VALIDATION_FAILED",
            &format!(r#","details":{{{field}:{problem}}}"#),
        )
    }

    /// Asserts the same of an error whose body has more after the request id.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn assert_error_with(&self, code: &str, details: &str) -> &Self {
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

    /// Asserts the status, the whole body, and the headers that every JSON response has.
    ///
    /// # Panics
    /// If one of them differs.
    #[track_caller]
    pub fn assert_body(&self, status: u16, body: &str) -> &Self {
        assert_eq!((self.status, self.text()), (status, body));
        self.assert_header("content-type", "application/json")
            .assert_header("cache-control", "no-store")
            .assert_header("x-content-type-options", "nosniff")
    }

    /// Asserts that a header occurs once and has this value.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn assert_header(&self, name: &str, value: &str) -> &Self {
        assert_eq!(
            self.header(name),
            Some(value),
            "header {name} in {:?}",
            self.headers
        );
        self
    }

    /// Asserts that `Retry-After` is a number of seconds in this range.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn assert_retry_after(&self, seconds: RangeInclusive<u64>) -> &Self {
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
