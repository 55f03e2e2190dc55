//! The judge of the product: a simulated Stripe, and (in `tests/`) every test that speaks HTTP.
//!
//! The library part never links the server, so that the demo can use the simulated Stripe beside a server that
//! runs as its own process.

pub mod stripe;
