//! The time that a client has in each phase of a connection.

use std::time::Duration;

/// How long a client may take in each phase of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionTimeouts {
    /// To send the headers of a request, from its first byte to its last.
    pub headers: Duration,
    /// Between two requests, and to read anything of an answer.
    pub idle: Duration,
}
