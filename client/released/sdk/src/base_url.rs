//! Where the service is: an https URL, or an http URL of this machine, or any http URL that the program allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

use crate::error::Error;
use crate::text::{is_quoted, trim};

/// Accepts an origin with, perhaps, a path. White space at both ends is removed.
pub(crate) fn parse(text: &str, allow_plain_http: bool) -> Result<Url, Error> {
    let reject = |problem| Error::configuration("base_url", problem);
    let text = trim(text);
    if is_quoted(text) {
        return Err(reject("must not be in quotes"));
    }
    let url = Url::parse(text).map_err(|_| reject("is not an absolute URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(reject("must not have credentials"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(reject("must not have a query or a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" if allow_plain_http => {
            tracing::warn!(%url, "the API key will be sent in the clear");
            Ok(url)
        }
        "http" => Err(reject(
            "must be https: the API key would be sent in the clear. If the network is trusted, call allow_plain_http",
        )),
        _ => Err(reject("must be an https URL")),
    }
}

/// The addresses of a loopback name, so that no resolver can lead the key elsewhere. `None` for other hosts.
pub(crate) fn loopback_name(url: &Url) -> Option<(&str, [SocketAddr; 2])> {
    let name = url.host_str().filter(|host| is_loopback_name(host))?;
    // Port 0 stands for the URL's own.
    let address = |ip: IpAddr| SocketAddr::new(ip, 0);
    let addresses = [
        address(Ipv4Addr::LOCALHOST.into()),
        address(Ipv6Addr::LOCALHOST.into()),
    ];
    Some((name, addresses))
}

/// Whether requests to the URL stay on this machine: `localhost` and names below it, with or without a final dot,
/// `127.0.0.0/8`, `::1`, and the former as IPv6.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("");
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => address.to_canonical().is_loopback(),
        Err(_) => is_loopback_name(host),
    }
}

/// RFC 6761: such names always mean this machine. A URL's host is in lower case.
fn is_loopback_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name == "localhost" || name.ends_with(".localhost")
}
