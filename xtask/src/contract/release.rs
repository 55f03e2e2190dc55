//! `cargo xtask release VERSION`: records the contract as released; later contracts are compared with it.
//!
//! Everything is decided before anything is written: there may be no findings, and the version must be large enough
//! for what changed since the last release.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use billing_portal_tests::contract::{Contract, document::CONTRACT};
use semver::Version;
use xshell::{Shell, cmd};

use super::{
    check::{
        finding::{Finding, Findings},
        findings,
        history::{self, Files, RELEASED, SUMS, UNRELEASED, VERSIONED, version_in},
        inputs::Inputs,
    },
    files::{parse, read, sha256},
    generate, released_sdk,
};
use crate::{sbom, workspace};

/// The findings that a release itself resolves.
const RESOLVED: [&str; 3] = ["VER-UNRELEASED", "VER-AGREE", "VER-CHANGELOG"];

/// Releases `version`.
pub(crate) fn run(root: &Path, version: &str) -> Result<()> {
    let version = history::version(version)
        .with_context(|| format!("{version} is not a version such as 1.2.0 or 1.2.0-rc.1"))?;
    let inputs = Inputs::gather(root)?;
    let own = format!("{RELEASED}{version}.yaml");
    ensure!(
        !inputs.files.contains_key(&own),
        "{version} is released already"
    );
    if let Some(later) = history::superseded_by(&inputs.files, &version) {
        bail!("{later} is released; the next version is larger");
    }
    let mut findings = findings(&inputs);
    findings.retain(|finding| !RESOLVED.contains(&finding.id));
    refuse(&findings)?;
    let shell = workspace::shell()?;
    sbom::require_tool(&shell)?;
    let released = with_version(&inputs.files, &version, &inputs.today)?;
    let contract = Contract::new(parse(CONTRACT, &released[CONTRACT])?);
    let mut after = inputs.files.clone();
    after.extend(released.clone());
    let mut found = Findings::about(&contract);
    history::check(&after, &mut found);
    refuse(&found.list)?;
    write(&shell, root, &inputs, &released, &version)?;
    println!("released {version}; review, run `cargo xtask check`, commit");
    Ok(())
}

fn refuse(findings: &[Finding]) -> Result<()> {
    let reasons: String = findings
        .iter()
        .map(|finding| finding.to_text() + "\n")
        .collect();
    ensure!(findings.is_empty(), "{reasons}Not released.");
    Ok(())
}

/// Writes the release: the versions, the released contract with its hash, everything generated, what it consists of, and
/// the SDK that later services are tested with.
fn write(
    shell: &Shell,
    root: &Path,
    inputs: &Inputs,
    released: &Files,
    version: &Version,
) -> Result<()> {
    for (file, text) in released {
        shell.write_file(file, text)?;
    }
    let text = &released[CONTRACT];
    let listed = inputs.files.get(SUMS).cloned().unwrap_or_default();
    shell.write_file(format!("{RELEASED}{version}.yaml"), text)?;
    shell.write_file(SUMS, format!("{listed}{}  {version}.yaml\n", sha256(text)))?;
    // The SDK's interface is released along with the contract.
    let interface = read(root, "client/public-api.txt")?;
    shell.write_file(format!("client/released/{version}.txt"), interface)?;
    generate::run(root)?;
    if version.pre.is_empty() {
        released_sdk::keep(shell, version)?;
    }
    // Lock files name the workspace's own packages with their version.
    for manifest in ["Cargo.toml", "client/tests/all_features/Cargo.toml"] {
        let update = cmd!(
            shell,
            "cargo update --workspace --offline --manifest-path {manifest}"
        );
        update.quiet().ignore_stderr().run()?;
    }
    sbom::write(shell, root, &version.to_string())
}

/// The files that hold the version, as they are after the release.
fn with_version(files: &Files, version: &Version, today: &str) -> Result<Files> {
    let text = |file: &str| {
        let text = files.get(file);
        text.with_context(|| format!("{file} is missing"))
    };
    let contract = parse(CONTRACT, text(CONTRACT)?)?;
    let line = contract.line("/info");
    let rewritten = contract.with_scalar("/info/version", &version.to_string());
    let rewritten = rewritten.with_context(|| format!("{CONTRACT}:{line}: info has no version"))?;
    let changelog = dated(text("CHANGELOG.md")?, version, today)?;
    let mut changed = Files::from([
        (CONTRACT.to_owned(), rewritten),
        ("CHANGELOG.md".to_owned(), changelog),
    ]);
    for (file, before) in VERSIONED {
        let old = changed.get(file).map_or_else(|| text(file), Ok)?;
        let present = version_in(old, before).with_context(|| format!("{file}:1: no version"))?;
        let [present, new] = [present, &version.to_string()].map(|one| format!("{before}{one}"));
        changed.insert(file.to_owned(), old.replacen(&present, &new, 1));
    }
    Ok(changed)
}

/// The CHANGELOG with the date of the release.
fn dated(changelog: &str, version: &Version, today: &str) -> Result<String> {
    let unreleased = format!("\n## {UNRELEASED}\n");
    let waiting = format!("\n## {version}\n");
    let dated = format!("\n## {version} - {today}\n");
    if changelog.contains(&waiting) {
        return Ok(changelog.replacen(&waiting, &dated, 1));
    }
    ensure!(
        changelog.contains(&unreleased),
        "CHANGELOG.md:1: no section `## {UNRELEASED}`"
    );
    Ok(changelog.replacen(&unreleased, &format!("{unreleased}{dated}"), 1))
}
