//! Where things are in this workspace.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    variable("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The text of a file of the workspace.
pub(crate) fn read(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))
}

/// Builds the service's binary where it is not fresh, and returns its path. Cargo tells what it does on stderr.
pub(crate) fn build_binary() -> Result<PathBuf, String> {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--package",
            "billing-portal-server",
            "--bin",
            "billing-portal",
        ])
        .current_dir(root())
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if built.success() {
        Ok(target().join("debug/billing-portal"))
    } else {
        Err("the service does not build".to_owned())
    }
}

/// A variable of the environment.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}
