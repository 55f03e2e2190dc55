//! An entry of the allow-list.

use std::{fmt, sync::Arc};

use url::{Host, Url, quirks::domain_to_unicode};

use super::loopback::is_loopback;
use super::page_host::impossible_host;
use super::spelling::{require_plain_spelling, written_authority};

/// An entry of the allow-list: scheme, host and effective port (RFC 6454). An entry without a port means the
/// scheme's default port and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin {
    scheme: &'static str,
    /// As the parser writes it: lower case, punycode, brackets around IPv6.
    host: String,
    port: u16,
    /// In full, for the log.
    text: Arc<str>,
    /// How host and port may be written, apart from the case of ASCII letters: each spelling of the host with its port,
    /// and without if that is the scheme's.
    spellings: Vec<String>,
}

impl AllowedOrigin {
    /// Reads an entry of the configuration. `http` says whether http entries are accepted at all, and then only
    /// for loopback hosts.
    pub fn parse(entry: &str, http: bool) -> Result<Self, &'static str> {
        if entry.contains('*') {
            return Err("wildcards and patterns are not supported; list each origin");
        }
        require_plain_spelling(entry)
            .map_err(|_| "contains white space, an invisible character, a backslash or a bad %")?;
        let authority = written_authority(entry, true).map_err(|_| "must begin with https://")?;
        let url =
            Url::parse(entry).map_err(|_| "is not an origin such as https://app.example.com")?;
        let scheme = match url.scheme() {
            "http" if !http => return Err("http is not allowed in production"),
            "http" if !url.host().is_some_and(|host| is_loopback(&host)) => {
                return Err("http is allowed for loopback hosts only");
            }
            "http" => "http",
            _ => "https",
        };
        if !url.username().is_empty() || url.password().is_some() || authority.contains('@') {
            return Err("must not contain credentials");
        }
        let rest = &entry[scheme.len() + "://".len() + authority.len()..];
        if !matches!(rest, "" | "/") {
            return Err("must be an origin: no path, query or fragment");
        }
        let host = url.host_str().ok_or("has no host")?.to_owned();
        let port = url
            .port_or_known_default()
            .filter(|port| *port != 0)
            .ok_or("port 0 is not a port")?;
        let origin = Self::new(scheme, host, port);
        origin.require_usable_host(&url, authority)?;
        Ok(origin)
    }

    fn new(scheme: &'static str, host: String, port: u16) -> Self {
        let has_default_port = matches!((scheme, port), ("https", 443) | ("http", 80));
        let mut spellings = Vec::new();
        for host in [host.clone(), display_host(&host)] {
            spellings.push(format!("{host}:{port}"));
            if has_default_port {
                spellings.push(host);
            }
        }
        let text = if has_default_port {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        };
        Self {
            scheme,
            host,
            port,
            text: text.into(),
            spellings,
        }
    }

    fn require_usable_host(&self, url: &Url, authority: &str) -> Result<(), &'static str> {
        if matches!(url.host(), Some(Host::Ipv6(address)) if address.to_ipv4_mapped().is_some()) {
            return Err("contains an IPv4 address in IPv6 form; write the IPv4 address");
        }
        // A trailing dot or a disguised address would never match what browsers send.
        if self.host.ends_with('.') || !self.is_written_as(authority) {
            return Err("the host must be written plainly");
        }
        match url.host().and_then(|host| impossible_host(&host)) {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    /// The host as the parser writes it: lower case, punycode, brackets around IPv6.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn is_origin_of(&self, url: &Url) -> bool {
        url.scheme() == self.scheme
            && url.host_str() == Some(&self.host)
            && url.port_or_known_default() == Some(self.port)
    }

    /// R7: no escapes, full-width letters, zero-padded ports or trailing dots that the parser would repair.
    pub(super) fn is_written_as(&self, authority: &str) -> bool {
        let is_it = |spelling: &String| spelling.eq_ignore_ascii_case(authority);
        self.spellings.iter().any(is_it)
    }

    /// In full: scheme, host, and the port if it is not the scheme's.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The host as people write it. An address has no other spelling: the function returns an empty text for it.
fn display_host(host: &str) -> String {
    let unicode = domain_to_unicode(host);
    if unicode.is_empty() {
        host.to_owned()
    } else {
        unicode
    }
}
