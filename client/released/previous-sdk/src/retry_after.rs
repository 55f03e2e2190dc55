//! Points in time and waits, as HTTP headers state them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

/// `Retry-After`, given in seconds or as a date. A date counts by the clock of the answer's own `Date`.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    if let Some(seconds) = value.to_str().ok().and_then(|text| text.parse().ok()) {
        return Some(Duration::from_secs(seconds));
    }
    let now = headers
        .get(DATE)
        .and_then(http_date)
        .unwrap_or_else(Utc::now);
    let wait = http_date(value)? - now;
    Some(wait.max(TimeDelta::zero()).to_std().unwrap_or_default())
}

/// The date in a header such as `Date`.
pub(crate) fn http_date(value: &HeaderValue) -> Option<DateTime<Utc>> {
    let date = DateTime::parse_from_rfc2822(value.to_str().ok()?);
    date.ok().map(|date| date.to_utc())
}
