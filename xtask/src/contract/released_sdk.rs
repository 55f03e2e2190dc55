//! The SDKs of the last release and of the minor version before it, kept in the workspace so that the tests can run both
//! against later services: see `tests/tests/service/compatibility.rs`.

use std::fs;

use anyhow::{Context, Result};
use semver::Version;
use xshell::{Shell, cmd};

/// Where the SDK of the last release is kept.
const FOLDER: &str = "client/released/sdk";

/// Where the last SDK of the minor version before is kept.
const PREVIOUS: &str = "client/released/previous-sdk";

/// The parts of the packaged manifest that it needs: tests, examples, benches and lints are left out.
const KEPT: [&str; 3] = ["features]", "dependencies.", "target."];

/// The rest of its manifest.
fn head(version: &Version) -> String {
    format!(
        "# A released SDK, as `cargo xtask release` packaged it, for the tests of compatibility. It is not edited.\n\
         # Only the name differs, so that `--package billing-portal-client` means the present one.\n\
         [package]\nname = \"released-billing-portal-client\"\nversion = \"{version}\"\nedition = \"2024\"\n\
         license = \"MIT OR Apache-2.0\"\npublish = false\n\n\
         [lib]\nname = \"billing_portal_client\"\ndoctest = false\n\
         # It would take the place of the present one in the documentation.\ndoc = false\ntest = false\n"
    )
}

/// Replaces the kept SDK by the present one, as it would be published. If that begins a minor version, the one that was
/// kept is the last of the minor version before, and stays.
pub(super) fn keep(shell: &Shell, version: &Version) -> Result<()> {
    let package = "billing-portal-client";
    let flags = ["--allow-dirty", "--no-verify", "--offline"];
    let build = shell.create_temp_dir()?;
    let build = build.path();
    cmd!(
        shell,
        "cargo package --package {package} {flags...} --target-dir {build}"
    )
    .quiet()
    .ignore_stderr()
    .run()?;
    let archive = build.join(format!("package/{package}-{version}.crate"));
    let top = format!("{package}-{version}");
    let parts = ["src", "README.md", "Cargo.toml"].map(|part| format!("{top}/{part}"));
    let manifest = format!("{FOLDER}/Cargo.toml");
    if begins_minor_version(&shell.read_file(&manifest)?, version) {
        shell.remove_path(PREVIOUS)?;
        fs::rename(
            shell.current_dir().join(FOLDER),
            shell.current_dir().join(PREVIOUS),
        )?;
        // No two packages of a workspace may have the same name.
        let manifest = format!("{PREVIOUS}/Cargo.toml");
        let renamed = shell.read_file(&manifest)?;
        shell.write_file(&manifest, renamed.replace("\"released-", "\"previous-"))?;
    }
    shell.remove_path(FOLDER)?;
    shell.create_dir(FOLDER)?;
    cmd!(
        shell,
        "tar -xzf {archive} -C {FOLDER} --strip-components=1 {parts...}"
    )
    .quiet()
    .run()
    .context("the packaged SDK")?;
    let packaged = shell.read_file(&manifest)?;
    shell.write_file(&manifest, head(version) + &kept(&packaged))?;
    Ok(())
}

/// Whether the SDK with this manifest is of another minor version.
fn begins_minor_version(kept: &str, version: &Version) -> bool {
    let line = format!("\nversion = \"{}.{}.", version.major, version.minor);
    !kept.contains(&line)
}

/// The kept parts of a packaged manifest.
fn kept(packaged: &str) -> String {
    let sections = packaged.split("\n[").skip(1);
    let kept = sections.filter(|section| KEPT.iter().any(|part| section.starts_with(part)));
    let kept: Vec<_> = kept.map(str::trim_end).collect();
    format!("\n[{}\n", kept.join("\n\n["))
}
