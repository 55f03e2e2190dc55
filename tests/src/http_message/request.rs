//! A request: a good one, which a test changes.

use super::head;

/// One HTTP request: a good one, which a test changes in the way that the test is about.
#[derive(Clone, Debug)]
pub struct TestRequest {
    /// The method, as it is sent.
    pub method: String,
    /// The request target, as it is sent.
    pub path: String,
    /// The headers in their order. Names are lower-case in a request that was received.
    pub headers: Vec<(String, String)>,
    /// The body, undecoded.
    pub body: Vec<u8>,
}

impl TestRequest {
    /// A good request to open the portal.
    #[must_use]
    pub fn portal(key: &str, return_url: &str) -> Self {
        let body = serde_json::json!({ "return_url": return_url });
        Self::get("/v1/billing/portal")
            .with_method("POST")
            .with_body(body.to_string())
            .with_bearer(key)
            .with_header("Content-Type", "application/json")
    }

    /// A GET request without body or headers of its own.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// With another method.
    #[must_use]
    pub fn with_method(self, method: &str) -> Self {
        let method = method.to_owned();
        Self { method, ..self }
    }

    /// With another path.
    #[must_use]
    pub fn with_path(self, path: &str) -> Self {
        let path = path.to_owned();
        Self { path, ..self }
    }

    /// With another body.
    #[must_use]
    pub fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { body, ..self }
    }

    /// With this header instead of the one that is spelled the same.
    #[must_use]
    pub fn with_header(self, name: &str, value: impl Into<String>) -> Self {
        let mut request = self.without_header(name);
        request.headers.push((name.to_owned(), value.into()));
        request
    }

    /// With this API key.
    #[must_use]
    pub fn with_bearer(self, key: &str) -> Self {
        self.with_header("Authorization", format!("Bearer {key}"))
    }

    /// Without the header that is spelled like this.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The value of a header; `None` if it is absent or occurs twice.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        head::single_header(&self.headers, name)
    }

    /// The body as text.
    ///
    /// # Panics
    /// If the body is not UTF-8, which no client of this project sends on purpose.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// Parses a request line of HTTP/1.1 and headers; names become lower-case. `None` if they are malformed.
    #[must_use]
    pub fn from_head(head: &[u8]) -> Option<Self> {
        let (line, headers) = head::parse(head)?;
        let mut line = line.split(' ');
        let (method, path) = (line.next()?.to_owned(), line.next()?.to_owned());
        (line.next() == Some("HTTP/1.1") && line.next().is_none()).then_some(())?;
        Some(Self {
            method,
            path,
            headers,
            body: Vec::new(),
        })
    }

    /// The request line and the headers. `Host` and `Content-Length` are added if the request has none of its own;
    /// `Content-Length` only if there is a body.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        head::write_headers(&mut head, &self.headers);
        let has = |name: &str| {
            self.headers
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        if !has("host") {
            head.push_str("Host: api.example.com\r\n");
        }
        if !self.body.is_empty() && !has("content-length") {
            head.extend(["Content-Length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The head and the body.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.head(), self.body.clone()].concat()
    }
}
