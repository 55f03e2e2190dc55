//! The URL of an open portal. Anyone who has it is signed in, so it is a credential.

use std::fmt;

use url::Url;
use zeroize::Zeroizing;

/// The longest URL that is accepted, in bytes: a common limit of browsers and proxies. Stripe's are about 100.
const MAX_LENGTH: usize = 2048;

/// The URL of an open portal. `Debug` does not show it, only [`PortalUrl::expose`] gives it out, and it is wiped from
/// memory after use.
#[derive(Clone)]
pub(crate) struct PortalUrl(Zeroizing<String>);

impl PortalUrl {
    /// Accepts an https URL on one of `hosts`. The error is a word for the log, without any part of the URL.
    pub(super) fn parse(text: &str, hosts: &[String]) -> Result<Self, &'static str> {
        if text.len() > MAX_LENGTH {
            return Err("portal_url_length");
        }
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if !text.bytes().all(is_plain) {
            return Err("portal_url_characters");
        }
        let url = Url::parse(text).map_err(|_| "portal_url_characters")?;
        let checked = check(&url, text, hosts);
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

fn check(url: &Url, text: &str, hosts: &[String]) -> Result<(), &'static str> {
    if url.scheme() != "https" {
        return Err("portal_url_scheme");
    }
    let listed = hosts.iter().any(|host| url.host_str() == Some(host));
    if !listed || !has_host_alone(url) {
        return Err("portal_url_host");
    }
    // The URL must be in the parser's own form, so that every other parser finds the same host in it.
    if url.as_str() != text {
        return Err("portal_url_form");
    }
    Ok(())
}

/// Whether the authority has neither credentials nor a port.
fn has_host_alone(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.port().is_none()
}
