//! The contract as tests and tools read it: one YAML reader, one way to follow references, one validation of values
//! against schemas, one check of a recorded exchange and of a sample command, and one comparison of two documents.
//!
//! Nothing here knows what a difference between two documents means; `cargo xtask` does.

mod curl;
pub mod difference;
pub mod document;
pub mod kind;
pub mod normalise;
pub mod operations;
pub mod recorded_exchange;
mod recorded_request;
pub mod resolve;
pub mod sample_command;
pub mod schema;
pub mod shell;
pub mod tree;
mod yaml;

pub use document::Document;
pub use operations::{Contract, Operation};
