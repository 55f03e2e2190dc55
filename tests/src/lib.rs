//! What tests of the product stand on: a simulated Stripe, both halves of raw HTTP, and assertions about responses.
//!
//! The library never links the server, so that the demo and the SDK's tests can use it beside a server that runs as
//! its own process. The tests that speak HTTP to the service are in `tests/`.

mod byte_stream;
#[cfg(feature = "contract")]
pub mod contract;
pub mod corpus;
pub mod deployment;
pub mod haproxy;
pub mod http_client;
pub mod http_message;
pub mod http_server;
pub mod plain_words;
pub mod ports;
pub mod postgresql;
pub mod python;
pub mod response_assertions;
pub mod service_process;
#[cfg(feature = "programs")]
pub mod shop;
pub mod stripe;
pub mod workspace;
