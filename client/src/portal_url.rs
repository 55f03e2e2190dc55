//! The portal's URL: whoever has it is in, so it shows itself only when asked by name.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use http::{HeaderValue, Response, StatusCode};

use crate::answer::http_date;

/// The hosted portal's URL: a credential for a few minutes. Redirect the browser to it at once; never store or log it.
///
/// `Debug` does not show it, and it has neither `Display` nor serde's traits, so it gets nowhere by accident.
#[derive(Clone)]
pub struct PortalUrl {
    /// Marked sensitive, and known to be the text of an https URL.
    location: HeaderValue,
    lifetime: Lifetime,
}

/// What the answer that carried the URL says about time, read only when somebody asks.
#[derive(Clone)]
pub(crate) struct Lifetime {
    /// Just before the request was sent, by the clock that never jumps and by the one that keeps running while the
    /// machine sleeps.
    pub(crate) sent: (Instant, SystemTime),
    /// The answer's `Date`: the service's clock. Missing if something on the way has removed it.
    pub(crate) date: Option<HeaderValue>,
    pub(crate) expires_at: DateTime<Utc>,
}

impl PortalUrl {
    /// `None` for what a browser must not be sent to: anything but an https URL in ASCII.
    pub(crate) fn parse(text: &str, lifetime: Lifetime) -> Option<Self> {
        let host = text.strip_prefix("https://")?;
        if !host.starts_with(|first: char| first.is_ascii_alphanumeric())
            || text.contains([' ', '\t'])
        {
            return None;
        }
        let mut location = HeaderValue::from_str(text).ok()?;
        location.set_sensitive(true);
        Some(Self { location, lifetime })
    }

    /// The URL itself, for the redirect.
    #[must_use]
    pub fn expose(&self) -> &str {
        // A header made from visible ASCII reads as such.
        self.location.to_str().unwrap_or_default()
    }

    /// Whether the URL can be used for another `margin`.
    ///
    /// Time is measured on this machine from the moment of the request, and the service's clock is read off its
    /// answer, so neither machine's clock need be right.
    #[must_use]
    pub fn is_fresh(&self, margin: Duration) -> bool {
        self.lifetime.left() > margin
    }

    /// A redirect (303) that sends the browser to the portal, is cached nowhere, and keeps the address of the page
    /// that it came from to itself.
    ///
    /// axum takes it as it is; for other frameworks, move its status and headers into their response.
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

impl Lifetime {
    /// How long the URL can still be used, on the safe side.
    fn left(&self) -> Duration {
        let (monotonic, wall) = self.sent;
        // Of two clocks that disagree about how long ago that was, the one that says longer is believed.
        let elapsed = monotonic.elapsed().max(wall.elapsed().unwrap_or_default());
        // The service wrote its time after we sent, and left out what was over the second. So when we sent, its clock
        // was at most one second further than it says.
        let date = self.date.as_ref().and_then(http_date);
        let sent = date.map_or_else(|| wall.into(), |date| date + TimeDelta::seconds(1));
        (self.expires_at - sent)
            .to_std()
            .unwrap_or_default()
            .saturating_sub(elapsed)
    }
}

impl fmt::Debug for PortalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortalUrl(…)")
    }
}
