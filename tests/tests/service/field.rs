//! What people who do this job run into: one kind of fault each, tried with several inputs.

mod charset;
pub(crate) mod config_check;
mod credentials;
mod csv_files;
mod customer_ids;
mod database;
mod forwarded_for;
mod log_filter;
mod loopback;
mod path_prefix;
mod postgres_url;
mod proxies;
mod readiness;
mod secret_files;
mod secrets;
mod terminal;
mod values;
mod variables;
