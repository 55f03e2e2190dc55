//! A call as the simulated Stripe received it.

use std::time::Instant;

use wiremock::Request;
use wiremock::http::HeaderMap;

use super::form;

/// One call as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query's fields, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// All headers.
    pub headers: HeaderMap,
    /// The form's fields, decoded, in their order.
    pub form: Vec<(String, String)>,
    /// When it arrived.
    pub at: Instant,
}

impl Received {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            query: request.url.query_pairs().into_owned().collect(),
            headers: request.headers.clone(),
            form: form::fields(&request.body),
            at: Instant::now(),
        }
    }

    /// The value of a header that occurs once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// The value of a form field that occurs once.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.form.iter().filter(|(field, _)| field == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }
}
