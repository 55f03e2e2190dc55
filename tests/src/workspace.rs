//! Where the workspace and its build are, found when a program runs: a path that is compiled in would be that of
//! another checkout that shares the target directory.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// What cargo writes into a target directory: the first only if it created the directory.
const TARGET_MARKS: [&str; 2] = ["CACHEDIR.TAG", ".rustc_info.json"];

/// The workspace's root: the nearest directory with a `Cargo.lock`, seen from the package that cargo runs.
///
/// # Panics
/// Outside a workspace.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let start = package.or_else(|| env::current_dir().ok());
    let start = start.expect("there is a current directory");
    let root = start
        .ancestors()
        .find(|path| path.join("Cargo.lock").exists());
    root.expect("this runs inside the workspace").to_owned()
}

/// Where cargo built this program.
pub fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let target = program
        .ancestors()
        .find(|path| TARGET_MARKS.iter().any(|mark| path.join(mark).exists()));
    target.map_or_else(|| root().join("target"), Path::to_owned)
}

/// The cargo that runs this program.
pub fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
