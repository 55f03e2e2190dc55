//! Maintainers' commands: `cargo xtask generate`, `check`, `ci`, `demo`.

fn main() {}
