//! What is made from the contract: the SDK's operations and outcomes, and the reference page. Each module makes the text of
//! its files; `cargo xtask generate` writes them, and `cargo xtask check` compares them.

pub mod outcomes;
pub mod reference;
pub mod rust_sdk;
