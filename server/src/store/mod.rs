//! The database: organizations, their keys, and their customers at Stripe. sqlx is used here and nowhere else.
//!
//! Invariants: no key is ever written here, only its hash. No connection is held while Stripe is called, because
//! nothing here calls Stripe. Each statement is written once and runs on SQLite and PostgreSQL; what differs between them
//! is in `sqlite` and `postgres`.

mod backup;
mod bulk;
mod callers;
mod change_watch;
mod changes;
mod claim_rows;
mod claims;
mod conflicts;
mod connection;
mod copy;
mod current_customer;
mod customers;
mod database;
mod database_file;
mod engine;
mod error;
mod events;
mod keys;
mod lease_shares;
mod leases;
mod mapping;
mod mapping_times;
mod new_mappings;
mod opening;
mod organizations;
mod portal_configurations;
mod postgres;
mod postgres_url;
mod return_origins;
mod sqlite;
mod statement;
mod sync;
mod tables;
mod timeouts;
mod value;
mod writable;
mod write_check;

pub(crate) use bulk::{LinkOutcome, LinkPolicy};
pub(crate) use callers::Caller;
pub(crate) use claim_rows::Claim;
pub(crate) use conflicts::{ConflictState, CustomerConflict, FoundConflict};
pub(crate) use copy::CopyStep;
pub(crate) use database::Store;
pub(crate) use database_file::permissions_of_others;
pub(crate) use engine::check_url;
pub(crate) use error::StoreError;
pub(crate) use events::{CustomerChange, CustomerEvent, EventResult};
pub(crate) use keys::{KeyRecord, NewKey};
pub(crate) use lease_shares::WHOLE as LEASE_WHOLE;
pub(crate) use leases::{Lease, LeaseRequest};
pub(crate) use mapping::{CustomerLink, StaleReason, UnixSeconds};
pub(crate) use new_mappings::NewMapping;
pub(crate) use opening::IfMissing;
pub(crate) use organizations::{Organization, OrganizationChange};
pub(crate) use sync::{SyncFailure, SyncPage, SyncPosition, SyncedCustomer};
