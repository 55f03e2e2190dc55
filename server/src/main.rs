//! The `billing-portal` binary.

fn main() {}
