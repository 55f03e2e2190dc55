//! What is made while this package is built: the files of the documentation, and what a log filter can name.

mod docs;
mod log_filter;

use std::env;

fn main() {
    pack_relocations();
    log_filter::list();
    docs::prepare();
}

/// Without this every address in the binary has 24 bytes for the loader, 0.7 MB in all. The loader of glibc 2.36 (2022) and
/// later reads the packed form.
#[expect(
    clippy::disallowed_methods,
    reason = "Cargo says by the environment what is built for"
)]
fn pack_relocations() {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
