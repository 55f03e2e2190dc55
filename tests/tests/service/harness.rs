//! What the tests stand on: the service beside a simulated Stripe, a client that sees every byte, and the contract.

pub(crate) mod busy_connection;
pub(crate) mod collector;
pub(crate) mod command;
pub(crate) mod configured;
pub(crate) mod connect_proxy;
pub(crate) mod contract;
pub(crate) mod coverage;
pub(crate) mod database;
pub(crate) mod deployment;
pub(crate) mod faulty_stripe;
mod fixtures;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod page;
pub(crate) mod prefix_proxy;
pub(crate) mod process;
pub(crate) mod recording_proxy;
pub(crate) mod rounds;
pub(crate) mod service;
pub(crate) mod test_database;
pub(crate) mod webhook;
