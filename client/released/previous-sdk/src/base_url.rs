//! Where the service is: an https URL, or an http URL of this machine.

use std::net::IpAddr;

use reqwest::Url;

use crate::error::Error;

/// Accepts an origin with, perhaps, a path.
pub(crate) fn parse(text: &str) -> Result<Url, Error> {
    let reject = |problem| Error::configuration("base_url", problem);
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
        "http" => Err(reject(
            "must be https: the API key would be sent in the clear",
        )),
        _ => Err(reject("must be an https URL")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}
