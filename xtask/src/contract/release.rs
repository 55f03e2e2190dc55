//! `cargo xtask release VERSION`: records the contract as released; later contracts are compared with it.
//!
//! Everything is decided before anything is written: there may be no findings, and the version must be large enough
//! for what changed since the last release.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail, ensure};
use billing_portal_tests::contract::{Contract, document::CONTRACT};
use semver::Version;
use xshell::{Shell, cmd};

use super::{
    check::{
        finding::{Finding, Findings},
        findings,
        history::{self, RELEASED, UNRELEASED, VERSIONED, version_in},
        inputs::Inputs,
    },
    files::{parse, read, sha256},
    generate, sbom,
};
use crate::workspace;

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

/// Writes the release: the versions, the released contract with its hash, everything generated, and what it consists of.
fn write(
    shell: &Shell,
    root: &Path,
    inputs: &Inputs,
    released: &BTreeMap<String, String>,
    version: &Version,
) -> Result<()> {
    for (file, text) in released {
        shell.write_file(file, text)?;
    }
    let text = &released[CONTRACT];
    let sums = format!("{RELEASED}SHA256SUMS");
    let listed = inputs.files.get(&sums).cloned().unwrap_or_default();
    shell.write_file(format!("{RELEASED}{version}.yaml"), text)?;
    shell.write_file(&sums, format!("{listed}{}  {version}.yaml\n", sha256(text)))?;
    // The SDK's interface is released along with the contract.
    let interface = read(root, "client/public-api.txt")?;
    shell.write_file(format!("client/released/{version}.txt"), interface)?;
    generate::run(root)?;
    // The lock file names the workspace's own packages with their version.
    cmd!(shell, "cargo update --workspace --offline --quiet")
        .quiet()
        .run()?;
    sbom::write(shell, root, &version.to_string())
}

/// The files that hold the version, as they are after the release.
fn with_version(
    files: &BTreeMap<String, String>,
    version: &Version,
    today: &str,
) -> Result<BTreeMap<String, String>> {
    let text = |file: &str| {
        let text = files.get(file);
        text.with_context(|| format!("{file} is missing"))
    };
    let mut changed = BTreeMap::new();
    let contract = parse(CONTRACT, text(CONTRACT)?)?;
    let rewritten = contract.with_scalar("/info/version", &version.to_string());
    let line = contract.line("/info");
    let rewritten = rewritten.with_context(|| format!("{CONTRACT}:{line}: info has no version"))?;
    changed.insert(CONTRACT.to_owned(), rewritten);
    for (file, section, label) in VERSIONED {
        let old = text(file)?;
        let (present, _) =
            version_in(old, section, label).with_context(|| format!("{file}:1: no version"))?;
        // A package lock says it twice: for itself and for the package.
        let times = if file.ends_with("lock.json") { 2 } else { 1 };
        let new = old.replacen(
            &format!("{label}{present}\""),
            &format!("{label}{version}\""),
            times,
        );
        changed.insert(file.to_owned(), new);
    }
    let changelog = dated(text("CHANGELOG.md")?, version, today)?;
    changed.insert("CHANGELOG.md".to_owned(), changelog);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a workspace at 1.2.3.
    fn files() -> BTreeMap<String, String> {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        BTreeMap::from([
            file(
                CONTRACT,
                "openapi: 3.0.3\ninfo:\n  title: t\n  version: 1.2.3\npaths: {}\n",
            ),
            file(
                "Cargo.toml",
                "[dependencies]\nversion = \"9\"\n[workspace.package]\nversion = \"1.2.3\"\n",
            ),
            file(
                "client/typescript/package.json",
                "{\n  \"version\": \"1.2.3\"\n}\n",
            ),
            file(
                "client/typescript/package-lock.json",
                "{\n  \"version\": \"1.2.3\",\n  \"\": {\n    \"version\": \"1.2.3\"\n  }\n}\n",
            ),
            file(
                "CHANGELOG.md",
                "# Changelog\n\n## Unreleased\n\n- More.\n\n## 1.2.3 - 2026-01-01\n\n- First.\n",
            ),
        ])
    }

    #[test]
    fn a_release_writes_its_version_everywhere_and_dates_what_was_unreleased() {
        let after = with_version(&files(), &Version::new(1, 3, 0), "2026-02-03")
            .expect("all files are there");
        let left: Vec<_> = after
            .values()
            .filter(|text| text.contains("1.2.3") && !text.contains("First"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(
            after["CHANGELOG.md"].contains("## Unreleased\n\n## 1.3.0 - 2026-02-03\n\n- More.")
        );
        assert!(after["Cargo.toml"].starts_with("[dependencies]\nversion = \"9\"\n"));
        assert_eq!(
            after["client/typescript/package-lock.json"]
                .matches("1.3.0")
                .count(),
            2
        );
    }

    #[test]
    fn t15_only_the_scalar_of_the_version_is_replaced() {
        #[rustfmt::skip]
        let layouts = [
            ("info:\n    title: t\n    version: 1.2.3\n", "info:\n    title: t\n    version: 1.3.0\n"),
            ("info: {title: t, version: '1.2.3', x-a: 1}\n", "info: {title: t, version: 1.3.0, x-a: 1}\n"),
            ("info:\n  version: \"1.2.3\" # the version\n  title: t\n", "info:\n  version: 1.3.0 # the version\n  title: t\n"),
            ("info:\n  title: ü1.2.3\n  version:\n    1.2.3\n", "info:\n  title: ü1.2.3\n  version:\n    1.3.0\n"),
        ];
        for (before, expected) in layouts {
            let mut files = files();
            files.insert(
                CONTRACT.to_owned(),
                format!("openapi: 3.0.3\n{before}paths: {{}}\n"),
            );
            let after = with_version(&files, &Version::new(1, 3, 0), "2026-02-03");
            let after = after.expect("the version is there");
            assert_eq!(
                after[CONTRACT],
                format!("openapi: 3.0.3\n{expected}paths: {{}}\n")
            );
        }
        let mut files = files();
        files.insert(
            CONTRACT.to_owned(),
            "openapi: 3.0.3\ninfo:\n  title: t\n".to_owned(),
        );
        let error = with_version(&files, &Version::new(1, 3, 0), "2026-02-03");
        let error = error.expect_err("there is no version").to_string();
        assert!(
            error.starts_with("openapi/billing-portal.yaml:2:"),
            "{error}"
        );
    }

    #[test]
    fn a_section_that_waits_for_its_release_is_dated() {
        let mut files = files();
        files.insert(
            "CHANGELOG.md".to_owned(),
            "# Changelog\n\n## 1.3.0\n\n- More.\n".to_owned(),
        );
        let after = with_version(&files, &Version::new(1, 3, 0), "2026-02-03")
            .expect("all files are there");
        assert_eq!(
            after["CHANGELOG.md"],
            "# Changelog\n\n## 1.3.0 - 2026-02-03\n\n- More.\n"
        );
    }
}
