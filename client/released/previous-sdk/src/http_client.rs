//! The HTTP client that the SDK makes for itself.

use std::time::Duration;

use reqwest::{Url, redirect, retry};

use crate::error::Error;

pub(crate) fn http_client(
    connect_timeout: Duration,
    base_url: &Url,
) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(redirect::Policy::none())
        // Calls are repeated by this crate alone: it knows the deadline.
        .retry(retry::never());
    if base_url.scheme() == "http" {
        // A proxy would see the key, which is sent in the clear.
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| Error::configuration("http_client", format!("cannot be made: {error}")))
}
