//! The SDK over a real wire: what it sends, what it makes of each answer, and what it never shows.

mod answers;
mod blocking;
mod configuration;
mod documented;
mod examples;
mod freshness;
mod request;
mod retries;
mod return_url;
mod secrets;
mod wire;

use billing_portal_client::{Client, ClientBuilder};

/// A key with a right checksum that no service knows.
const KEY: &str = billing_portal_client::test_util::API_KEY;
const RETURN_URL: &str = "https://app.example.com/settings/billing";

/// A client of the scripted server.
fn client_of(wire: &wire::Wire) -> ClientBuilder {
    Client::builder().api_key(KEY).base_url(wire.base_url())
}
