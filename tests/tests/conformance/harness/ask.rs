//! A request as a test writes it: a good one, spoiled in the way that the test is about.

/// One HTTP request.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    /// A good request to open the portal.
    pub(crate) fn portal(key: &str, return_url: &str) -> Self {
        let ask = Self {
            method: "POST".to_owned(),
            path: "/v1/billing/portal".to_owned(),
            headers: Vec::new(),
            body: serde_json::json!({ "return_url": return_url })
                .to_string()
                .into_bytes(),
        };
        ask.bearer(key).header("Content-Type", "application/json")
    }

    /// A request without body or headers of its own.
    pub(crate) fn get(path: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// With another method.
    pub(crate) fn method(self, method: &str) -> Self {
        let method = method.to_owned();
        Self { method, ..self }
    }

    /// With another path.
    pub(crate) fn path(self, path: &str) -> Self {
        let path = path.to_owned();
        Self { path, ..self }
    }

    /// With another body.
    pub(crate) fn body(self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { body, ..self }
    }

    /// With this header instead of the one of the same name.
    pub(crate) fn header(self, name: &str, value: impl Into<String>) -> Self {
        let mut ask = self.without(name);
        ask.headers.push((name.to_owned(), value.into()));
        ask
    }

    /// With another key.
    pub(crate) fn bearer(self, key: &str) -> Self {
        self.header("Authorization", format!("Bearer {key}"))
    }

    /// Without this header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// Reads a request line and headers; names are lower-cased.
    pub(crate) fn from_head(head: &[u8]) -> Option<Self> {
        let head = std::str::from_utf8(head).ok()?.trim_end();
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(": ")?;
                Some((name.to_ascii_lowercase(), value.to_owned()))
            })
            .collect::<Option<_>>()?;
        Some(Self {
            method,
            path,
            headers,
            body: Vec::new(),
        })
    }

    /// The head; it names a host and announces the whole body, whether the headers do or not.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        let has = |name: &str| {
            self.headers
                .iter()
                .any(|(header, _)| header.eq_ignore_ascii_case(name))
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
}
