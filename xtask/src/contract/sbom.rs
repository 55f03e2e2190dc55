//! The software bill of materials of a release: what the service and the SDK consist of, as `CycloneDX` JSON.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

/// Where the lists of all releases are.
const FOLDER: &str = "sbom/";

/// The packages that are released, with their folder.
const RELEASED: [(&str, &str); 2] = [
    ("server", "billing-portal-server"),
    ("client", "billing-portal-client"),
];
/// The other packages, for which cargo-cyclonedx writes a file too.
const NOT_RELEASED: [(&str, &str); 2] = [("tests", "billing-portal-tests"), ("xtask", "xtask")];

/// Fails with how to get cargo-cyclonedx if it is not installed.
pub(super) fn require_tool(shell: &Shell) -> Result<()> {
    let version = cmd!(shell, "cargo cyclonedx --version").quiet();
    let version = version.ignore_stdout().ignore_stderr().run();
    version.context("cargo-cyclonedx is not installed: cargo install --locked cargo-cyclonedx")
}

/// Writes `sbom/PACKAGE-VERSION.cdx.json` for the server and the SDK. The versions and the lock file must already be those
/// of the release.
pub(super) fn write(shell: &Shell, root: &Path, version: &str) -> Result<()> {
    let list = cmd!(
        shell,
        "cargo cyclonedx --format json --spec-version 1.5 --all-features --no-build-deps --target all"
    );
    list.quiet().run()?;
    for (folder, package) in RELEASED {
        let file = format!("{folder}/{package}.cdx.json");
        // Packages of the workspace are named by where they are on this machine.
        let here = format!("file://{}", root.display());
        let text = shell.read_file(&file)?.replace(&here, "file:///workspace");
        let compact: Value = serde_json::from_str(&text)?;
        shell.write_file(
            format!("{FOLDER}{package}-{version}.cdx.json"),
            format!("{compact}\n"),
        )?;
    }
    for (folder, package) in RELEASED.into_iter().chain(NOT_RELEASED) {
        shell.remove_path(format!("{folder}/{package}.cdx.json"))?;
    }
    Ok(())
}
