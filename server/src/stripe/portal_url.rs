//! The URL of an open portal. Anyone who has it is signed in, so it is a credential.

use std::fmt;

use url::Url;
use zeroize::Zeroizing;

use crate::{config::StripeConfig, return_url::is_loopback};

/// The longest URL that is accepted, in bytes: a common limit of browsers and proxies. Stripe's are about 100.
const MAX_LENGTH: usize = 2048;

/// The URL of an open portal. `Debug` does not show it, only [`PortalUrl::expose`] gives it out, and it is wiped from
/// memory after use.
#[derive(Clone)]
pub(crate) struct PortalUrl(Zeroizing<String>);

impl PortalUrl {
    /// Accepts an https URL on one of the portal hosts. The error is a word for the log, without any part of the URL.
    pub(super) fn parse(text: &str, config: &StripeConfig) -> Result<Self, &'static str> {
        if text.len() > MAX_LENGTH {
            return Err("portal_url_length");
        }
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if !text.bytes().all(is_plain) {
            return Err("portal_url_characters");
        }
        let url = Url::parse(text).map_err(|_| "portal_url_characters")?;
        let checked = check(&url, text, config);
        // The parser's own text becomes the one that is wiped.
        let url = Zeroizing::new(String::from(url));
        checked.map(|()| Self(url))
    }

    /// The URL itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PortalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortalUrl([redacted])")
    }
}

fn check(url: &Url, text: &str, config: &StripeConfig) -> Result<(), &'static str> {
    let is_local = config.allows_local_portal && is_local(url);
    if url.scheme() != "https" && !is_local {
        return Err("portal_url_scheme");
    }
    let mut hosts = config.portal_hosts.iter();
    let listed = hosts.any(|host| url.host_str() == Some(host));
    if !listed || has_credentials(url) || (url.port().is_some() && !is_local) {
        return Err("portal_url_host");
    }
    // The URL must be in the parser's own form, so that every other parser finds the same host in it.
    if url.as_str() != text {
        return Err("portal_url_form");
    }
    Ok(())
}

/// Whether this is a page of this computer, such as that of a simulated Stripe.
fn is_local(url: &Url) -> bool {
    let is_here = url.host().as_ref().is_some_and(is_loopback);
    url.scheme() == "http" && is_here
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}
