//! `Retry-After` and dates, in every form that RFC 9110 allows.
//!
//! A value in no such form counts as absent: then the SDK's own pauses apply.

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

/// `Retry-After`, given in seconds or as a date, rounded up to whole seconds. A date counts by the clock of the answer's
/// own `Date`. A number that is too large counts as the largest.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    if let Some(seconds) = whole_seconds(value.to_str().ok()?.trim()) {
        return Some(Duration::from_secs(seconds));
    }
    let now = headers
        .get(DATE)
        .and_then(http_date)
        .unwrap_or_else(Utc::now);
    let wait = http_date(value)? - now;
    // A date that has passed asks for no wait.
    let wait = wait.max(TimeDelta::zero()).to_std().ok()?;
    let is_fraction = wait.subsec_nanos() > 0;
    Some(Duration::from_secs(
        wait.as_secs().saturating_add(u64::from(is_fraction)),
    ))
}

/// Digits, with a fraction if some server sends one.
fn whole_seconds(text: &str) -> Option<u64> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    // Only a number that is too large does not parse.
    let seconds: u64 = whole.parse().unwrap_or(u64::MAX);
    let is_fraction = fraction.bytes().any(|digit| digit != b'0');
    Some(seconds.saturating_add(u64::from(is_fraction)))
}

/// The date in a header such as `Date`: IMF-fixdate, or one of the two obsolete forms that a recipient must accept.
pub(crate) fn http_date(value: &HeaderValue) -> Option<DateTime<Utc>> {
    let text = value.to_str().ok()?.trim();
    imf_fixdate(text)
        .or_else(|| rfc850(text, Utc::now()))
        .or_else(|| asctime(text))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<DateTime<Utc>> {
    parse(text, "%a, %d %b %Y %H:%M:%S GMT")
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<DateTime<Utc>> {
    parse(text, "%a %b %e %H:%M:%S %Y")
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`. RFC 9110 reads a year that seems over 50 years ahead as a past one. The weekday is
/// not checked, because it depends on the century.
fn rfc850(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (weekday, date) = text.split_once(", ")?;
    if !weekday.ends_with("day") {
        return None;
    }
    let date = parse(date, "%d-%b-%y %H:%M:%S GMT")?;
    let century = now.year() - now.year() % 100 + date.year() % 100;
    let candidates = [century + 100, century, century - 100];
    let year = candidates
        .into_iter()
        .find(|year| year - now.year() <= 50)?;
    date.with_year(year)
}

fn parse(text: &str, format: &str) -> Option<DateTime<Utc>> {
    let date = NaiveDateTime::parse_from_str(text, format).ok()?;
    Some(date.and_utc())
}
