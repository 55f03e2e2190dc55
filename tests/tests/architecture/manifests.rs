//! Each direct dependency has its reason beside it, in the manifest that names its version.

use std::fs;

use crate::workspace::root;

/// The manifests of the workspace. What they take from the workspace has its reason in the first.
const MANIFESTS: [&str; 7] = [
    "Cargo.toml",
    "client/Cargo.toml",
    "fuzz/Cargo.toml",
    "generators/Cargo.toml",
    "server/Cargo.toml",
    "tests/Cargo.toml",
    "xtask/Cargo.toml",
];

/// One line for each dependency without a reason: no comment on its line or above its group, and not of the workspace.
pub(crate) fn dependencies_without_reason() -> Vec<String> {
    let read = |file: &str| fs::read_to_string(root().join(file)).expect("a manifest");
    MANIFESTS
        .iter()
        .flat_map(|file| without_reason(file, &read(file)))
        .collect()
}

pub(crate) fn without_reason(file: &str, manifest: &str) -> Vec<String> {
    let (mut in_dependencies, mut group_has_reason) = (false, false);
    let mut problems = Vec::new();
    for (line, number) in manifest.lines().zip(1..) {
        if line.starts_with('[') {
            (in_dependencies, group_has_reason) = (line.ends_with("dependencies]"), false);
        } else if line.trim().is_empty() {
            group_has_reason = false;
        } else if line.starts_with('#') {
            group_has_reason = true;
        } else if let Some((name, value)) = line.split_once(" = ") {
            let has_reason =
                group_has_reason || value.contains('#') || value.contains("workspace = true");
            if in_dependencies && !has_reason {
                problems.push(format!("{file}:{number} has no reason for {name}"));
            }
        }
    }
    problems
}
