//! A request as a test writes it: a good one, spoiled in the way that the test is about.

/// One HTTP request.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    /// A good request to open the portal.
    pub(crate) fn portal(key: &str, return_url: &str) -> Self {
        let body = serde_json::json!({ "return_url": return_url });
        Self {
            method: "POST",
            path: "/v1/billing/portal".to_owned(),
            headers: vec![
                ("Authorization", format!("Bearer {key}")),
                ("Content-Type", "application/json".to_owned()),
            ],
            body: body.to_string().into_bytes(),
        }
    }

    /// A request without body or headers of its own.
    pub(crate) fn get(path: &str) -> Self {
        Self {
            method: "GET",
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// With another method.
    pub(crate) fn method(self, method: &'static str) -> Self {
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
    pub(crate) fn header(self, name: &'static str, value: impl Into<String>) -> Self {
        let mut ask = self.without(name);
        ask.headers.push((name, value.into()));
        ask
    }

    /// With another key.
    pub(crate) fn bearer(self, key: &str) -> Self {
        self.header("Authorization", format!("Bearer {key}"))
    }

    /// Without this header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    /// The head, which announces the whole body.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: api.example.com\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            head.extend([*name, ": ", value, "\r\n"]);
        }
        if !self.body.is_empty() {
            head.extend(["Content-Length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}
