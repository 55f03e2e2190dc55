//! The SDK of the last release, kept in the workspace so that the tests can run it against later services: see
//! `tests/tests/service/compatibility.rs`.

use anyhow::{Context, Result};
use semver::Version;
use xshell::{Shell, cmd};

/// Where it is kept.
const FOLDER: &str = "client/released/sdk";

/// The parts of the packaged manifest that it needs: tests, examples, benches and lints are left out.
const KEPT: [&str; 3] = ["features]", "dependencies.", "target."];

/// The rest of its manifest.
fn head(version: &Version) -> String {
    format!(
        "# The SDK of the last release, as `cargo xtask release` packaged it, for the tests of compatibility. It is not edited.\n\
         # Only the name differs, so that `--package billing-portal-client` means the present one.\n\
         [package]\nname = \"released-billing-portal-client\"\nversion = \"{version}\"\nedition = \"2024\"\n\
         license = \"MIT OR Apache-2.0\"\npublish = false\n\n\
         [lib]\nname = \"billing_portal_client\"\ndoctest = false\n\
         # It would take the place of the present one in the documentation.\ndoc = false\ntest = false\n"
    )
}

/// Replaces the kept SDK by the present one, as it would be published.
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
    shell.remove_path(FOLDER)?;
    shell.create_dir(FOLDER)?;
    cmd!(
        shell,
        "tar -xzf {archive} -C {FOLDER} --strip-components=1 {parts...}"
    )
    .quiet()
    .run()
    .context("the packaged SDK")?;
    let manifest = format!("{FOLDER}/Cargo.toml");
    let packaged = shell.read_file(&manifest)?;
    shell.write_file(&manifest, head(version) + &kept(&packaged))?;
    Ok(())
}

/// The kept parts of a packaged manifest.
fn kept(packaged: &str) -> String {
    let sections = packaged.split("\n[").skip(1);
    let kept = sections.filter(|section| KEPT.iter().any(|part| section.starts_with(part)));
    let kept: Vec<_> = kept.map(str::trim_end).collect();
    format!("\n[{}\n", kept.join("\n\n["))
}
