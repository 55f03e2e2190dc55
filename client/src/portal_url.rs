//! The portal's URL: whoever has it is in, so it shows itself only when asked by name.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use http::{HeaderValue, Response, StatusCode};
use reqwest::Url;

/// The hosted portal's URL: a credential for a few minutes. Redirect the browser to it at once; never store or log it.
///
/// `Debug` does not show it, and it has neither `Display` nor serde's traits, so it gets nowhere by accident.
#[derive(Clone)]
pub struct PortalUrl {
    /// Marked sensitive, and known to be the text of an https URL.
    location: HeaderValue,
    /// When to ask for a new one, by the clock that never jumps and by the one that keeps running while the machine
    /// sleeps. The earlier one counts.
    deadline: (Instant, SystemTime),
}

/// What the answer that carried the URL says about time.
pub(crate) struct Lifetime {
    /// Just before the request was sent, by both of this machine's clocks.
    pub(crate) sent: (Instant, SystemTime),
    /// The service's clock when it answered; unknown if something removed the header.
    pub(crate) answered: Option<DateTime<Utc>>,
    pub(crate) expires_at: DateTime<Utc>,
}

impl PortalUrl {
    /// `None` for what a browser must not be sent to: anything but an https URL.
    pub(crate) fn parse(text: &str, lifetime: &Lifetime) -> Option<Self> {
        let url = Url::parse(text)
            .ok()
            .filter(|url| url.scheme() == "https")?;
        url.host_str()?;
        let mut location = HeaderValue::from_str(text)
            .ok()
            .filter(|value| value.to_str().is_ok())?;
        location.set_sensitive(true);
        Some(Self {
            location,
            deadline: lifetime.deadline(),
        })
    }

    /// The URL itself, for the redirect.
    #[must_use]
    pub fn expose(&self) -> &str {
        // `parse` let visible ASCII in and nothing else.
        self.location.to_str().unwrap_or_default()
    }

    /// Whether the URL can be used for another `margin`.
    ///
    /// Time is measured on this machine from the moment of the request, and the service's clock is read off its
    /// answer, so neither machine's clock need be right.
    #[must_use]
    pub fn is_fresh(&self, margin: Duration) -> bool {
        let (monotonic, wall) = self.deadline;
        monotonic.saturating_duration_since(Instant::now()) > margin
            && wall
                .duration_since(SystemTime::now())
                .is_ok_and(|left| left > margin)
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
    /// Both clocks' deadline, on the safe side.
    ///
    /// The service wrote its time after we sent the request and left out what was over the second. So it was at most
    /// one second further than it says when we sent.
    fn deadline(&self) -> (Instant, SystemTime) {
        let answered = self
            .answered
            .map_or_else(|| self.sent.1.into(), |date| date + TimeDelta::seconds(1));
        let left = (self.expires_at - answered).to_std().unwrap_or_default();
        // A time beyond what the clocks can count is as good as none.
        let (instant, wall) = self.sent;
        (
            instant.checked_add(left).unwrap_or(instant),
            wall.checked_add(left).unwrap_or(wall),
        )
    }
}

impl fmt::Debug for PortalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortalUrl(…)")
    }
}
