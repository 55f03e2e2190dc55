//! A response, and what a test reads of it.

use serde_json::Value;

use super::head;

/// One HTTP response: a status, the headers in their order, and the whole body.
#[derive(Clone, Debug)]
pub struct TestResponse {
    /// The status code.
    pub status: u16,
    /// The headers in their order; names are lower-case.
    pub headers: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl TestResponse {
    /// Parses a status line and headers; names become lower-case. `None` if they are malformed.
    pub(crate) fn from_head(head: &[u8]) -> Option<Self> {
        let (line, headers) = head::parse(head)?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        Some(Self {
            status,
            headers,
            body: Vec::new(),
        })
    }

    /// The response as it is sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} \r\n", self.status);
        head::write_headers(&mut head, &self.headers);
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// The value of a header; `None` if it is absent or occurs twice.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        head::single_header(&self.headers, name)
    }

    /// The body as text.
    ///
    /// # Panics
    /// If the body is not UTF-8, which is a fault of the service.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The body as JSON; null if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// `error.code`, if the body has one.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        self.json()["error"]["code"].as_str().map(str::to_owned)
    }

    /// The id of the request from `X-Request-Id`; empty if the header is absent.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.header("x-request-id").unwrap_or_default()
    }
}
