//! The SDK over a real connection: what it sends, and what it returns for each answer.

mod answers;
mod blocking;
mod configuration;
mod documented;
mod examples;
mod freshness;
mod request;
mod retries;
mod return_url;
mod wire;

use billing_portal_client::{Client, ClientBuilder};

/// A key with a valid checksum that no service knows.
const KEY: &str = billing_portal_client::test_util::API_KEY;
const RETURN_URL: &str = "https://app.example.com/settings/billing";

/// A client of the scripted server.
fn client_of(wire: &wire::Wire) -> ClientBuilder {
    Client::builder().api_key(KEY).base_url(wire.base_url())
}
