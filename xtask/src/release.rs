//! `cargo xtask release VERSION`: makes what the contract says now the promise that later contracts are held to.
//!
//! Everything is decided before anything is written: nothing may have drifted, and the version must be large enough for
//! what changed since the last release.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use semver::Version;

use crate::{
    check::{
        contract::Contract,
        evidence::Evidence,
        finding::{Finding, Findings},
        findings,
        history::{self, RELEASED, UNRELEASED, VERSIONED, version_in},
    },
    document::{CONTRACT, Document, sha256},
    generate, workspace,
};

/// What a release itself puts right.
const MENDED: [&str; 3] = ["VER-UNRELEASED", "VER-AGREE", "VER-CHANGELOG"];

/// Releases `version`.
pub(crate) fn run(root: &Path, version: &str) -> Result<(), String> {
    let version = Version::parse(version).map_err(|error| format!("{version}: {error}"))?;
    let evidence = Evidence::gather(root);
    if let Some((last, _)) =
        history::last_released(&evidence.files).filter(|(last, _)| version <= *last)
    {
        return Err(format!("{last} is released; the next version is larger"));
    }
    let mut drifted = findings(&evidence);
    drifted.retain(|finding| !MENDED.contains(&finding.id));
    refuse(&drifted)?;
    let released = with_version(&evidence.files, &version, &today()?)?;
    let contract = Document::parse(CONTRACT, &released[CONTRACT]).map_err(|error| error.reason)?;
    let mut after = evidence.files.clone();
    after.extend(released.clone());
    let contract = Contract::new(contract);
    let mut found = Findings::about(&contract);
    history::check(&after, &mut found);
    refuse(&found.list)?;
    for (file, text) in &released {
        write(root, file, text)?;
    }
    let text = &released[CONTRACT];
    let sums = format!("{RELEASED}SHA256SUMS");
    let listed = evidence.files.get(&sums).cloned().unwrap_or_default();
    write(root, &format!("{RELEASED}{version}.yaml"), text)?;
    write(
        root,
        &sums,
        &format!("{listed}{}  {version}.yaml\n", sha256(text)),
    )?;
    // What the SDK offers is promised along with the contract.
    let interface = workspace::read(root, "client/public-api.txt")?;
    write(root, &format!("client/released/{version}.txt"), &interface)?;
    generate::run(root)?;
    // The lock file names the workspace's own packages with their version.
    cargo(root, &["update", "--workspace", "--offline", "--quiet"])?;
    println!("released {version}; review, run `cargo xtask check`, commit");
    Ok(())
}

fn refuse(findings: &[Finding]) -> Result<(), String> {
    let reasons: String = findings
        .iter()
        .map(|finding| finding.to_text() + "\n")
        .collect();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(format!("{reasons}Not released."))
    }
}

/// The files that hold the version, as they are after the release.
fn with_version(
    files: &BTreeMap<String, String>,
    version: &Version,
    today: &str,
) -> Result<BTreeMap<String, String>, String> {
    let text = |file: &str| files.get(file).ok_or_else(|| format!("{file} is missing"));
    let mut changed = BTreeMap::new();
    let contract = Document::parse(CONTRACT, text(CONTRACT)?).map_err(|error| error.reason)?;
    let line = contract.line("/info/version");
    changed.insert(
        CONTRACT.to_owned(),
        with_line(text(CONTRACT)?, line, &format!("  version: {version}")),
    );
    for (file, section, label) in VERSIONED {
        let old = text(file)?;
        let (present, _) =
            version_in(old, section, label).ok_or_else(|| format!("{file} has no version"))?;
        // A package lock says it twice: for itself and for the package.
        let times = if file.ends_with("lock.json") { 2 } else { 1 };
        let new = old.replacen(
            &format!("{label}{present}\""),
            &format!("{label}{version}\""),
            times,
        );
        changed.insert(file.to_owned(), new);
    }
    let changelog = text("CHANGELOG.md")?;
    let unreleased = format!("\n## {UNRELEASED}\n");
    let waiting = format!("\n## {version}\n");
    let dated = format!("\n## {version} - {today}\n");
    let changelog = if changelog.contains(&waiting) {
        changelog.replacen(&waiting, &dated, 1)
    } else if changelog.contains(&unreleased) {
        changelog.replacen(&unreleased, &format!("{unreleased}{dated}"), 1)
    } else {
        return Err(format!("CHANGELOG.md has no section `## {UNRELEASED}`"));
    };
    changed.insert("CHANGELOG.md".to_owned(), changelog);
    Ok(changed)
}

/// The text with another line in the place of `line`, which counts from 1.
fn with_line(text: &str, line: usize, other: &str) -> String {
    let lines = text.lines().enumerate();
    lines
        .map(|(index, own)| if index + 1 == line { other } else { own }.to_owned() + "\n")
        .collect()
}

fn today() -> Result<String, String> {
    let date = Command::new("date")
        .args(["-u", "+%F"])
        .output()
        .map_err(|error| format!("date: {error}"))?;
    Ok(String::from_utf8_lossy(&date.stdout).trim().to_owned())
}

fn write(root: &Path, file: &str, text: &str) -> Result<(), String> {
    let path = root.join(file);
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, text))
        .map_err(|error| format!("{file}: {error}"))
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(root)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("cargo {} failed", arguments.join(" "))),
    }
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
