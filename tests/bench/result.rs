//! What every step of the bench returns.

use std::error::Error;

/// A value, or why the bench cannot go on.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;
