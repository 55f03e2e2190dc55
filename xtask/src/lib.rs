//! Maintainers' commands. The contract is edited by a person; everything here either makes something from it or
//! holds something to it. Nothing here links the server.

pub mod check;
pub mod document;
pub mod generate;
pub mod rust_sdk;
pub mod typescript;
pub mod workspace;
