//! PostgreSQL: what differs from SQLite, and what stands between the service and it. Each test has a server of its own.
//!
//! They need Debian's postgresql and pgbouncer, so they are ignored by default; `cargo xtask ci` runs them, and the
//! whole suite on PostgreSQL besides.

mod balancer;
mod budget;
mod cost;
mod crash;
mod first_use;
mod moving;
mod opening;
mod outage;
mod pooler;
mod setup;
mod tls;
mod urls;
