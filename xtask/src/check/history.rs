//! The contract against the last released one: what changed, how much that means to a caller, and whether the version,
//! the packages and the CHANGELOG say so.
//!
//! A released contract is never edited: `openapi/released/SHA256SUMS` holds its hash. While `info.version` is a released
//! one, the contract must say exactly what was released, to the last word.

use std::collections::BTreeMap;

use semver::Version;

use super::{
    change::{Change, Level, changes},
    contract::Contract,
    finding::Finding,
};
use crate::document::{CONTRACT, Document, sha256};

/// The folder of the released contracts.
pub(crate) const RELEASED: &str = "openapi/released";

/// The title of the CHANGELOG's section for what is not released yet.
pub(crate) const UNRELEASED: &str = "Unreleased";

/// Everything in which versions, history and CHANGELOG disagree with the contract.
pub(crate) fn check(contract: &Contract, files: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = untouched(files);
    findings.extend(agreement(contract, files));
    let Ok(version) = Version::parse(contract.version()) else {
        findings.push(Finding::in_contract(
            "VER-NUMBER",
            contract,
            "/info/version",
        ));
        return findings;
    };
    let Some((last, released)) = last_released(files) else {
        return findings;
    };
    let changes = changes(&released, &contract.written);
    findings.extend(bump(contract, &version, &last, &changes));
    findings.extend(changelog(
        contract,
        files,
        version == last,
        !changes.is_empty(),
    ));
    findings
}

/// The newest released contract.
pub(crate) fn last_released(files: &BTreeMap<String, String>) -> Option<(Version, Document)> {
    let released = released(files)
        .filter_map(|(file, version, text)| Some((version?, Document::parse(file, text).ok()?)));
    released.max_by(|(a, _), (b, _)| a.cmp(b))
}

fn released(
    files: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&str, Option<Version>, &str)> {
    files.iter().filter_map(|(file, text)| {
        let name = file
            .strip_prefix(RELEASED)?
            .strip_prefix('/')?
            .strip_suffix(".yaml")?;
        Some((file.as_str(), Version::parse(name).ok(), text.as_str()))
    })
}

/// Released contracts are as they were when released.
fn untouched(files: &BTreeMap<String, String>) -> Vec<Finding> {
    let sums = files
        .get(&format!("{RELEASED}/SHA256SUMS"))
        .map_or("", String::as_str);
    let listed: BTreeMap<_, _> = sums
        .lines()
        .filter_map(|line| line.split_once("  ").map(|(sum, file)| (file, sum)))
        .collect();
    let name = |file: &str| file.rsplit('/').next().unwrap_or_default().to_owned();
    let mut findings = Vec::new();
    for (file, version, text) in released(files) {
        let sum = sha256(text);
        if version.is_none() || listed.get(name(file).as_str()) != Some(&sum.as_str()) {
            findings.push(
                Finding::in_file("VER-RELEASED", file, 1)
                    .says("SHA256SUMS", "another text")
                    .says("file", sum),
            );
        }
    }
    for file in listed
        .keys()
        .filter(|name| !files.contains_key(&format!("{RELEASED}/{name}")))
    {
        let finding = Finding::in_file("VER-RELEASED", &format!("{RELEASED}/{file}"), 1);
        findings.push(
            finding
                .says("SHA256SUMS", "lists it")
                .says("folder", "does not have it"),
        );
    }
    findings
}

/// The places, beside the contract, that hold the version: file, the line before which it cannot be, how it begins.
pub(crate) const VERSIONED: [(&str, &str, &str); 3] = [
    ("Cargo.toml", "[workspace.package]", "version = \""),
    ("client/typescript/package.json", "{", "\"version\": \""),
    (
        "client/typescript/package-lock.json",
        "{",
        "\"version\": \"",
    ),
];

/// The version that a file holds, and its line.
pub(crate) fn version_in<'a>(
    text: &'a str,
    section: &str,
    label: &str,
) -> Option<(&'a str, usize)> {
    let mut lines = text
        .lines()
        .enumerate()
        .skip_while(|(_, line)| line.trim() != section);
    lines.find_map(|(index, line)| {
        let version = line.trim_start().strip_prefix(label)?.split('"').next()?;
        Some((version, index + 1))
    })
}

/// The packages have the contract's version.
fn agreement(contract: &Contract, files: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, section, label) in VERSIONED {
        let text = files.get(file).map_or("", String::as_str);
        let (version, line) = version_in(text, section, label).unwrap_or(("nothing", 1));
        if version != contract.version() {
            let finding = Finding::in_file("VER-AGREE", file, line).says("package", version);
            findings.push(finding.says("contract", contract.version()));
        }
    }
    findings
}

/// The version is as much larger than the last as the changes ask for.
fn bump(
    contract: &Contract,
    version: &Version,
    last: &Version,
    changes: &[Change],
) -> Vec<Finding> {
    if version < last {
        let finding = Finding::in_contract("VER-NUMBER", contract, "/info/version");
        return vec![
            finding
                .says("contract", version.to_string())
                .says("released", last.to_string()),
        ];
    }
    let allowed = if version.major > last.major {
        Some(Level::Breaking)
    } else if version.minor > last.minor {
        Some(Level::Additive)
    } else {
        (version > last).then_some(Level::Text)
    };
    let id = if version == last {
        "VER-UNRELEASED"
    } else {
        "VER-TOO-SMALL"
    };
    let too_much = changes.iter().filter(|change| Some(change.level) > allowed);
    too_much
        .map(|change| {
            let mut finding = Finding::in_file(id, CONTRACT, change.line);
            finding.pointer.clone_from(&change.pointer);
            let finding = finding.says("change", change.level.word());
            finding
                .has("released", change.before.as_ref())
                .has("contract", change.after.as_ref())
        })
        .collect()
}

/// The CHANGELOG has a dated section for a released version, and entries for what is not yet released.
fn changelog(
    contract: &Contract,
    files: &BTreeMap<String, String>,
    is_released: bool,
    changed: bool,
) -> Option<Finding> {
    let text = files.get("CHANGELOG.md").map_or("", String::as_str);
    let version = contract.version();
    let mut dated = false;
    let mut told = false;
    for section in text.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default();
        let is_own = title.split(' ').next() == Some(version);
        dated |= is_own && title.contains(" - 20");
        let has_entries = section.contains("\n- ");
        told |= has_entries && (title == UNRELEASED || is_own && !is_released);
    }
    let missing =
        |rule: String| Finding::in_file("VER-CHANGELOG", "CHANGELOG.md", 1).says("rule", rule);
    if is_released && !dated {
        return Some(missing(format!(
            "`## {version} - date` for what is released"
        )));
    }
    (changed && !told).then(|| {
        missing(format!(
            "an entry under `## {UNRELEASED}` for what changed in the contract"
        ))
    })
}
