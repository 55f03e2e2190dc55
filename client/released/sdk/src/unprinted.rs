//! Headers that may hold secrets.

use std::fmt;

use http::HeaderMap;

/// Headers of which `Debug` shows the names only.
#[derive(Clone, Default)]
pub(crate) struct UnprintedHeaders(pub(crate) HeaderMap);

impl fmt::Debug for UnprintedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
