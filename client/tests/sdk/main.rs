//! The SDK over a real connection: what it sends, and what it returns for each answer.

mod answers;
mod blocking;
mod cases;
mod configuration;
mod connections;
mod documented;
mod examples;
mod freshness;
mod headers;
mod kept_connections;
mod permanent_failures;
mod plain_http;
mod replies;
mod request;
mod retries;
mod retry_after;
mod return_origins;
mod return_url;
mod tls;
mod unknown_bodies;

use billing_portal_client::{Client, ClientBuilder};
use billing_portal_tests::http_server::ScriptedServer;

/// A key with a valid checksum that no service knows.
const KEY: &str = billing_portal_client::test_util::API_KEY;
const RETURN_URL: &str = "https://app.example.com/settings/billing";

/// A client of the scripted server.
fn client_of(server: &ScriptedServer) -> ClientBuilder {
    Client::builder().api_key(KEY).base_url(server.base_url())
}
