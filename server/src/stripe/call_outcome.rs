//! How a call ended, for the metrics.

use super::cause::UpstreamCause;

/// How a call ended.
pub(super) enum CallOutcome {
    /// Stripe did what was requested.
    Done,
    /// Stripe refused what was requested, for this reason.
    Refused(&'static str),
    /// The call failed.
    Failed(UpstreamCause),
}

impl CallOutcome {
    /// The labels `outcome` and `cause`.
    pub(super) fn labels(&self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done", ""),
            Self::Refused(reason) => ("refused", reason),
            Self::Failed(cause) => ("failed", cause.as_str()),
        }
    }
}
