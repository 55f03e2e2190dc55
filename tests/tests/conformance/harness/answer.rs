//! One answer of the service, and what a test may claim of it.

use serde_json::Value;

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

    /// Claims the whole error body, byte for byte, and the headers that every answer has.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str, message: &str) -> &Self {
        self.assert_body(status, &self.error_body(code, message, ""))
    }

    /// The same with one wrong field.
    #[track_caller]
    pub(crate) fn assert_invalid(&self, field: &str, problem: &str) -> &Self {
        let (field, problem) = (Value::from(field), Value::from(problem));
        let details = format!(r#","details":{{{field}:{problem}}}"#);
        self.assert_body(
            422,
            &self.error_body("VALIDATION_FAILED", "validation failed", &details),
        )
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

    fn error_body(&self, code: &str, message: &str, details: &str) -> String {
        let request_id = self.request_id();
        format!(
            r#"{{"success":false,"error":{{"code":"{code}","message":"{message}","request_id":"{request_id}"{details}}}}}"#
        )
    }
}
