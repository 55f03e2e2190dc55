//! Where things are in this workspace.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
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

/// A variable of the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the rule is the service's, which has a configuration to read it in"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}
