//! The software bill of materials of a release: what the service and the SDK consist of, as `CycloneDX` JSON.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

/// Where the lists of all releases are.
const FOLDER: &str = "sbom/";

/// The folders of the packages that are released.
const RELEASED: [&str; 2] = ["server", "client"];

/// Fails with how to get cargo-cyclonedx if it is not installed.
pub(crate) fn require_tool(shell: &Shell) -> Result<()> {
    let version = cmd!(shell, "cargo cyclonedx --version").quiet();
    let version = version.ignore_stdout().ignore_stderr().run();
    version.context("cargo-cyclonedx is not installed: cargo install --locked cargo-cyclonedx")
}

/// Writes `sbom/PACKAGE-VERSION.cdx.json` for the server and the SDK. The versions and the lock file must already be those
/// of the release.
pub(crate) fn write(shell: &Shell, root: &Path, version: &str) -> Result<()> {
    let options = "--format json --spec-version 1.5 --all-features --no-build-deps --target all --override-filename sbom";
    let options = options.split(' ');
    cmd!(shell, "cargo cyclonedx {options...}").quiet().run()?;
    for folder in RELEASED {
        // Packages of the workspace are named by where they are on this machine.
        let here = format!("file://{}", root.display());
        let text = shell.read_file(format!("{folder}/sbom.json"))?;
        let compact: Value = serde_json::from_str(&text.replace(&here, "file:///workspace"))?;
        let target = format!("{FOLDER}billing-portal-{folder}-{version}.cdx.json");
        shell.write_file(target, format!("{compact}\n"))?;
    }
    remove_lists(shell)
}

/// Removes what cargo-cyclonedx wrote beside the manifest of each package here, also of those that are not released.
fn remove_lists(shell: &Shell) -> Result<()> {
    let metadata = cmd!(shell, "cargo metadata --format-version 1 --offline");
    let metadata = metadata.quiet().ignore_stderr().read()?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("packages")?;
    for package in packages
        .iter()
        .filter(|package| package["source"].is_null())
    {
        let manifest = package["manifest_path"].as_str().context("a manifest")?;
        shell.remove_path(Path::new(manifest).with_file_name("sbom.json"))?;
    }
    Ok(())
}
