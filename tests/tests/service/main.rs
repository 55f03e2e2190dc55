//! The tests of the running service: what its contract and its design say, over HTTP.
//!
//! One binary, one module for each subject. A test is a claim in words, most of them rows of a table that go through
//! one check; what a row needs is made by the harness.

mod accessibility;
mod allow_list;
mod attack;
mod audit;
mod bodies;
mod browser;
mod cli;
mod compatibility;
mod configuration;
mod crash;
mod customers;
mod deploy;
mod docs;
mod doctor;
mod error_responses;
mod faults;
mod faults_under_load;
mod field;
mod fuzzing;
mod harness;
mod idempotency;
mod instances;
mod keys;
mod limits;
mod load;
mod local_portal;
mod logs;
mod metrics;
mod missing_customer;
mod moving;
mod operations;
mod operations_document;
mod plain_words;
mod portal_options;
mod portal_profiles;
mod postgresql;
mod prometheus;
mod reload;
mod return_origins;
mod return_url;
mod runbook;
mod sdk;
mod simulated_stripe;
mod soak;
mod stripe_outage;
mod stripe_proxy;
mod stripe_reviewed;
mod stripe_session;
mod success;
mod traces;
mod typescript;
mod webhooks;
mod why;
