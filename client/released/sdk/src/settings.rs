//! What a client was built with, ready for use.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;

use crate::api_key::ApiKey;
use crate::http_client::HttpClients;

/// What a client was built with. Its clones and its calls share it.
pub(crate) struct Settings {
    pub(crate) http: HttpClients,
    /// Without a slash at its end.
    pub(crate) base_url: String,
    pub(crate) key: ApiKey,
    pub(crate) authorization: HeaderValue,
    pub(crate) user_agent: HeaderValue,
    /// For one call, all its tries and pauses together.
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url)
            .field("api_key", &self.key)
            .field("timeout", &self.timeout)
            .field("max_retries", &self.max_retries)
            .finish_non_exhaustive()
    }
}
