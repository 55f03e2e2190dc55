//! The contract against the last released one: what changed, how much that means to a caller, and whether the version,
//! the packages and the CHANGELOG say so.
//!
//! A released contract is never edited: `openapi/released/SHA256SUMS` holds its hash. While `info.version` is a released
//! one, the contract must say exactly what was released, to the last word.

use std::collections::BTreeMap;

use semver::Version;

use billing_portal_tests::contract::{Document, document::CONTRACT};

use super::{
    change::{Change, changes},
    finding::Findings,
    meaning::Level,
};
use crate::contract::files::sha256;

/// The folder of the released contracts.
pub(crate) const RELEASED: &str = "openapi/released/";

/// The title of the CHANGELOG's section for what is not released yet.
pub(crate) const UNRELEASED: &str = "Unreleased";

/// Texts by path.
type Files = BTreeMap<String, String>;

/// Adds everything in which versions, history and CHANGELOG disagree with the contract.
pub(crate) fn check(files: &Files, found: &mut Findings<'_>) {
    let contract = found.contract;
    untouched(files, found);
    agreement(files, found);
    let Some(version) = version(contract.version()) else {
        let finding = found.at("VER-NUMBER", "/info/version");
        finding.says("contract", contract.version());
        return;
    };
    if let Some((last, released)) = compared_with(files, &version) {
        let changes = changes(&released, &contract.written);
        let is_released = version == last;
        bump(files, &version, &last, &changes, found);
        changelog(files, is_released, !changes.is_empty(), found);
    }
}

/// A version as this product writes it; build metadata (`+…`) orders nothing, so it is refused.
pub(crate) fn version(text: &str) -> Option<Version> {
    let version = Version::parse(text).ok();
    version.filter(|version| version.build.is_empty())
}

/// Every released contract.
fn released(files: &Files) -> impl Iterator<Item = (Version, Document)> {
    files.iter().filter_map(|(file, text)| {
        let name = file.strip_prefix(RELEASED)?.strip_suffix(".yaml")?;
        Some((version(name)?, Document::parse(file, text).ok()?))
    })
}

/// The released contract with which a version is compared: its own where it is released, else the last final one.
/// Pre-releases bind nobody.
pub(crate) fn compared_with(files: &Files, version: &Version) -> Option<(Version, Document)> {
    let own = released(files).find(|(one, _)| one == version);
    own.or_else(|| last_final(files))
}

/// The last released contract that is not a pre-release.
pub(crate) fn last_final(files: &Files) -> Option<(Version, Document)> {
    let finals = released(files).filter(|(version, _)| version.pre.is_empty());
    finals.max_by(|(a, _), (b, _)| a.cmp(b))
}

/// The released version that makes this one too late: the last final one, or a later pre-release of the same.
pub(crate) fn superseded_by(files: &Files, version: &Version) -> Option<Version> {
    let is_same = |one: &Version| {
        (one.major, one.minor, one.patch) == (version.major, version.minor, version.patch)
    };
    let rivals = released(files).map(|(one, _)| one);
    let mut rivals = rivals.filter(|one| one.pre.is_empty() || is_same(one));
    rivals.find(|one| one > version)
}

/// Released contracts are as they were when released, and all are there.
fn untouched(files: &Files, found: &mut Findings<'_>) {
    let released = files.iter().filter(|(file, _)| file.starts_with(RELEASED));
    let (sums, released): (Vec<_>, Vec<_>) = released.partition(|(file, _)| file.ends_with("SUMS"));
    let listed = sums.iter().flat_map(|(_, sums)| sums.lines());
    let listed = listed.filter_map(|line| line.split_once("  "));
    let mut listed: BTreeMap<_, _> = listed
        .map(|(sum, name)| (format!("{RELEASED}{name}"), sum))
        .collect();
    for (file, text) in released {
        let sum = listed.remove(file).unwrap_or("nothing");
        if sum != sha256(text) {
            let finding = found.in_file("VER-RELEASED", file, 1);
            finding.says("SHA256SUMS", sum).says("file", sha256(text));
        }
    }
    for (file, sum) in listed {
        let finding = found.in_file("VER-RELEASED", &file, 1);
        finding.says("SHA256SUMS", sum).says("file", "nothing");
    }
}

/// The places, beside the contract, that hold the version: file, the line before which it cannot be, how it begins.
pub(crate) const VERSIONED: [(&str, &str, &str); 3] = [
    ("Cargo.toml", "[workspace.package]", "version = \""),
    ("client/typescript/package.json", "{", r#""version": ""#),
    (
        "client/typescript/package-lock.json",
        "{",
        r#""version": ""#,
    ),
];

/// The SDK's manifest, which takes the workspace's version.
pub(crate) const SDK: &str = "client/Cargo.toml";

/// The version that a file holds, and its line.
pub(crate) fn version_in<'a>(
    text: &'a str,
    section: &str,
    label: &str,
) -> Option<(&'a str, usize)> {
    let mut lines = text
        .lines()
        .zip(1..)
        .skip_while(|(line, _)| line.trim() != section);
    lines.find_map(|(text, line)| {
        let version = text.trim_start().strip_prefix(label)?;
        Some((version.split('"').next()?, line))
    })
}

/// The packages have the contract's version.
fn agreement(files: &Files, found: &mut Findings<'_>) {
    let version = found.contract.version();
    for (file, section, label) in VERSIONED {
        let text = files.get(file).map_or("", String::as_str);
        let (own, line) = version_in(text, section, label).unwrap_or(("nothing", 1));
        if own != version {
            let finding = found.in_file("VER-AGREE", file, line);
            finding.says("package", own).says("contract", version);
        }
    }
    if !files
        .get(SDK)
        .is_some_and(|manifest| manifest.contains("\nversion.workspace = true\n"))
    {
        let finding = found.in_file("VER-AGREE", SDK, 1);
        finding
            .says("package", "a version of its own")
            .says("contract", version);
    }
}

/// The version is as much larger than the last as the changes ask for.
fn bump(
    files: &Files,
    version: &Version,
    last: &Version,
    changes: &[Change],
    found: &mut Findings<'_>,
) {
    if let Some(later) = superseded_by(files, version) {
        let finding = found.at("VER-NUMBER", "/info/version");
        finding.says("contract", version.to_string());
        finding.says("released", later.to_string());
        return;
    }
    let (id, allowed) = if version == last {
        ("VER-UNRELEASED", None)
    } else if version.major > last.major {
        ("VER-TOO-SMALL", Some(Level::Breaking))
    } else if version.minor > last.minor {
        ("VER-TOO-SMALL", Some(Level::Additive))
    } else {
        ("VER-TOO-SMALL", Some(Level::Text))
    };
    for change in changes.iter().filter(|change| Some(change.level) > allowed) {
        let finding = found.in_file(id, CONTRACT, change.line);
        finding.pointer.clone_from(&change.difference.pointer);
        finding.says("change", change.level.word());
        finding.has("released", change.difference.left.as_ref());
        finding.has("contract", change.difference.right.as_ref());
    }
}

/// The CHANGELOG has a dated section for a released version, and entries for what is not yet released.
fn changelog(files: &Files, is_released: bool, changed: bool, found: &mut Findings<'_>) {
    let text = files.get("CHANGELOG.md").map_or("", String::as_str);
    let version = found.contract.version();
    let (mut dated, mut described) = (false, false);
    for section in text.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default();
        let is_own = title.split(' ').next() == Some(version);
        let has_entries = section.contains("\n- ");
        dated |= is_own && title.contains(" - 20");
        described |= has_entries && (title == UNRELEASED || is_own && !is_released);
    }
    let mut expect = |holds: bool, rule: String| {
        if !holds {
            found
                .in_file("VER-CHANGELOG", "CHANGELOG.md", 1)
                .says("rule", rule);
        }
    };
    expect(
        dated || !is_released,
        format!("`## {version} - date` for what is released"),
    );
    expect(
        described || !changed,
        format!("an entry under `## {UNRELEASED}` for what changed"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINAL: &str = "openapi: 3.0.3\ninfo: {title: t, version: 1.0.0}\npaths: {}\n";

    /// Released versions, the present one, the one that it is compared with, and the one that makes it too late.
    type Case<'a> = (&'a [&'a str], &'a str, Option<String>, Option<String>);

    /// Which released contract a version is compared with, and which makes it too late.
    fn compared(released: &[&str], version: &str) -> (Option<String>, Option<String>) {
        let files = released
            .iter()
            .map(|one| (format!("{RELEASED}{one}.yaml"), FINAL.to_owned()));
        let files: Files = files.collect();
        let version = super::version(version).expect("a version");
        let with = compared_with(&files, &version).map(|(version, _)| version.to_string());
        let later = superseded_by(&files, &version).map(|version| version.to_string());
        (with, later)
    }

    #[test]
    fn t16_pre_releases_are_compared_with_the_last_final_version() {
        let own = |text: &str| Some(text.to_owned());
        #[rustfmt::skip]
        let cases: [Case<'_>; 7] = [
            (&["1.0.0", "1.1.0-rc.1"], "1.1.0-rc.2", own("1.0.0"), None),
            (&["1.0.0", "1.1.0-rc.1"], "1.1.0", own("1.0.0"), None),
            (&["1.0.0", "1.1.0-rc.1"], "1.1.0-rc.1", own("1.1.0-rc.1"), None),
            (&["1.0.0", "1.1.0-rc.2"], "1.1.0-rc.1", own("1.0.0"), own("1.1.0-rc.2")),
            (&["1.0.0", "2.0.0-rc.1"], "1.1.0", own("1.0.0"), None),
            (&["1.0.0", "1.1.0"], "1.1.0-rc.1", own("1.1.0"), own("1.1.0")),
            (&["1.0.0-rc.1"], "1.0.0", None, None),
        ];
        for (released, version, with, later) in cases {
            assert_eq!(
                compared(released, version),
                (with, later),
                "{version} after {released:?}"
            );
        }
    }

    #[test]
    fn t16_build_metadata_is_refused() {
        for text in ["1.1.0+build", "1.1.0-rc.1+7", "1.1", "v1.1.0", "01.1.0", ""] {
            assert!(version(text).is_none(), "{text}");
        }
    }
}
