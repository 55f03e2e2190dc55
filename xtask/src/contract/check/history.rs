//! The contract against the last released one: what changed, how much that means to a caller, and whether the version,
//! the packages and the CHANGELOG say so.
//!
//! A released contract is never edited: `openapi/released/SHA256SUMS` holds its hash. While `info.version` is a released
//! one, the contract must say exactly what was released, to the last word.

use std::collections::{BTreeMap, BTreeSet};

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

/// Their hashes, as `sha256sum` writes them.
pub(crate) const SUMS: &str = "openapi/released/SHA256SUMS";

/// The title of the CHANGELOG's section for what is not released yet.
pub(crate) const UNRELEASED: &str = "Unreleased";

/// Texts by path.
pub(crate) type Files = BTreeMap<String, String>;

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
    let sums = files.get(SUMS).map_or("", String::as_str).lines();
    let listed = sums.filter_map(|line| line.split_once("  "));
    let listed = listed.map(|(sum, name)| (format!("{RELEASED}{name}"), sum.to_owned()));
    let listed: BTreeMap<_, _> = listed.collect();
    let is_released = |file: &str| file.starts_with(RELEASED) && file != SUMS;
    let present = files.iter().filter(|(file, _)| is_released(file));
    let present: BTreeMap<_, _> = present
        .map(|(file, text)| (file.clone(), sha256(text)))
        .collect();
    for file in listed.keys().chain(present.keys()).collect::<BTreeSet<_>>() {
        let [sum, own] =
            [&listed, &present].map(|sums| sums.get(file).map_or("nothing", String::as_str));
        if sum != own {
            let finding = found.in_file("VER-RELEASED", file, 1);
            finding.says("SHA256SUMS", sum).says("file", own);
        }
    }
}

/// The places, beside the contract, that hold the version: the file, and the text before it.
pub(crate) const VERSIONED: [(&str, &str); 4] = [
    ("Cargo.toml", "[workspace.package]\nversion = \""),
    (
        "client/typescript/package.json",
        "{\n  \"name\": \"billing-portal\",\n  \"version\": \"",
    ),
    (
        "client/typescript/package-lock.json",
        "{\n  \"name\": \"billing-portal\",\n  \"version\": \"",
    ),
    (
        "client/typescript/package-lock.json",
        "{\n      \"name\": \"billing-portal\",\n      \"version\": \"",
    ),
];

/// The SDK's manifest, and how it takes the workspace's version.
pub(crate) const SDK: (&str, &str) = ("client/Cargo.toml", "\nversion.workspace = true\n");

/// The version behind the text `before`.
pub(crate) fn version_in<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split('"').next()
}

/// The packages have the contract's version.
fn agreement(files: &Files, found: &mut Findings<'_>) {
    let version = found.contract.version();
    let text = |file: &str| files.get(file).map_or("", String::as_str);
    let mut differs = |file: &str, own: &str| {
        let finding = found.in_file("VER-AGREE", file, 1);
        finding.says("package", own).says("contract", version);
    };
    for (file, before) in VERSIONED {
        let own = version_in(text(file), before).unwrap_or("nothing");
        if own != version {
            differs(file, own);
        }
    }
    if !text(SDK.0).contains(SDK.1) {
        differs(SDK.0, "a version of its own");
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
    let id = if version == last {
        "VER-UNRELEASED"
    } else {
        "VER-TOO-SMALL"
    };
    let allowed = match (version.major > last.major, version.minor > last.minor) {
        _ if version == last => None,
        (true, _) => Some(Level::Breaking),
        (false, true) => Some(Level::Additive),
        (false, false) => Some(Level::Text),
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
    let has_entries = |title: &str| {
        let sections = text
            .split("\n## ")
            .filter(|section| section.starts_with(title));
        sections.into_iter().any(|section| section.contains("\n- "))
    };
    let dated = format!("## {version} - 20");
    let described = has_entries(UNRELEASED) || has_entries(version) && !is_released;
    if is_released && !text.contains(&dated) {
        let finding = found.in_file("VER-CHANGELOG", "CHANGELOG.md", 1);
        finding.says(
            "missing",
            format!("`{dated}…`: a section for what is released"),
        );
    }
    if changed && !described {
        let finding = found.in_file("VER-CHANGELOG", "CHANGELOG.md", 1);
        finding.says(
            "missing",
            format!("an entry under `## {UNRELEASED}` for what changed"),
        );
    }
}
