//! The portal's URL. Anyone who has it is signed in, so only `expose` and `into_redirect` give it away.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use http::{HeaderValue, Response, StatusCode};
use reqwest::Url;

use crate::base_url::is_loopback;
use crate::retry_after::http_date;

/// The hosted portal's URL: a credential for a few minutes. Redirect the browser to it at once; never store or log it.
///
/// `Debug` does not show it, and it has neither `Display` nor serde's traits, so it is not printed or stored by accident.
#[derive(Clone)]
pub struct PortalUrl {
    /// Marked sensitive, and known to be the text of an https URL, or of an http URL of this machine.
    location: HeaderValue,
    lifetime: Lifetime,
}

/// What is known about the URL's time. It is evaluated only by [`PortalUrl::is_fresh`].
#[derive(Clone)]
pub(crate) struct Lifetime {
    pub(crate) sent: SentAt,
    /// The answer's `Date`: the service's clock. Missing if a proxy has removed it.
    pub(crate) date: Option<HeaderValue>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// The moment just before the request was sent, by two clocks.
#[derive(Clone, Copy)]
pub(crate) struct SentAt {
    /// Never jumps, but may stand still while the machine sleeps.
    monotonic: Instant,
    /// Runs while the machine sleeps, but may be set.
    wall: SystemTime,
}

impl SentAt {
    pub(crate) fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// How long ago that was. If the clocks disagree, the longer time counts.
    fn elapsed(self) -> Duration {
        // A wall clock that was set back says nothing.
        let by_wall = self.wall.elapsed().unwrap_or(Duration::ZERO);
        self.monotonic.elapsed().max(by_wall)
    }
}

impl PortalUrl {
    /// `None` for what a browser must not be sent to: anything but an https URL in ASCII, or an http URL of this machine,
    /// which a simulated portal has.
    pub(crate) fn parse(text: &str, lifetime: Lifetime) -> Option<Self> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_visible || !(is_https(text) || is_local(text)) {
            return None;
        }
        let mut location = HeaderValue::from_str(text).ok()?;
        location.set_sensitive(true);
        Some(Self { location, lifetime })
    }

    /// The URL itself, for the redirect.
    ///
    /// # Panics
    /// Never: the URL was checked to be visible ASCII when it arrived.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.location
            .to_str()
            .expect("parse accepts visible ASCII only")
    }

    /// Whether the URL can be used for another `margin`.
    ///
    /// Time is measured on this machine from the moment of the request, and the service's clock is read from its
    /// answer, so the result is right even if both clocks are wrong.
    #[must_use]
    pub fn is_fresh(&self, margin: Duration) -> bool {
        self.lifetime.left() > margin
    }

    /// A redirect (303) that sends the browser to the portal. It is not cached, and it does not tell the portal which
    /// page the browser came from.
    ///
    /// In axum it is a response; for other frameworks, copy its status and headers into their response.
    #[must_use]
    pub fn into_redirect(self) -> Response<String> {
        let mut redirect = Response::new(String::new());
        *redirect.status_mut() = StatusCode::SEE_OTHER;
        let headers = redirect.headers_mut();
        headers.insert(LOCATION, self.location);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        redirect
    }
}

fn is_https(text: &str) -> bool {
    let host = text.strip_prefix("https://");
    host.is_some_and(|host| host.starts_with(|first: char| first.is_ascii_alphanumeric()))
}

fn is_local(text: &str) -> bool {
    // In the parser's own form, so that a browser finds the same host in it.
    Url::parse(text).is_ok_and(|url| {
        let is_anonymous = url.username().is_empty() && url.password().is_none();
        url.scheme() == "http" && is_loopback(&url) && is_anonymous && url.as_str() == text
    })
}

impl Lifetime {
    /// For how long the URL can certainly still be used.
    fn left(&self) -> Duration {
        // The service wrote its time after the request was sent, in whole seconds. So when the request was sent, its
        // clock was at most one second later than `Date` says.
        let date = self.date.as_ref().and_then(http_date);
        let sent = date.map_or_else(
            || self.sent.wall.into(),
            |date| date + TimeDelta::seconds(1),
        );
        // An expiry before the request leaves no time.
        let whole = (self.expires_at - sent).to_std().unwrap_or(Duration::ZERO);
        whole.saturating_sub(self.sent.elapsed())
    }
}

impl fmt::Debug for PortalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortalUrl(…)")
    }
}
