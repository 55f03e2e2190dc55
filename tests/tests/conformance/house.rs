//! The rules of the house that no compiler keeps: what may be used where, and how a file reads.

use std::fs;
use std::path::{Path, PathBuf};

/// Files longer than this are two subjects.
const MAX_LINES: usize = 300;

/// What is used in the server, and the files that may use it. A rule names a file or a folder under `server/src`.
/// What clippy.toml can forbid (the time, randomness, the environment) is forbidden there.
const CONTAINED: [(&str, &[&str]); 3] = [
    ("sqlx::", &["store/"]),
    ("reqwest::", &["stripe/"]),
    ("StatusCode", &["http/"]),
];

/// Files that know nothing of these modules.
#[rustfmt::skip]
const INNOCENT: [(&str, &[&str]); 6] = [
    ("http/", &["portal", "auth", "app", "store", "stripe", "config", "return_url", "webhooks"]),
    ("app.rs", &["service", "portal", "operations", "webhooks", "extract", "request_layer"]),
    ("store/", &["portal", "auth", "app", "stripe"]),
    ("stripe/", &["portal", "auth", "app"]),
    ("metrics.rs", &["portal", "auth", "app", "store", "stripe", "http"]),
    ("return_url", &["portal", "auth", "app", "store", "stripe", "config", "clock", "http"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("")
}

/// Every Rust file under a folder, with its path there and its text.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("the folder can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(folder)
                    .expect("it is in the folder")
                    .display()
                    .to_string();
                found.push((name, fs::read_to_string(&path).expect("it is text")));
            }
        }
    }
    assert!(!found.is_empty(), "{} holds Rust", folder.display());
    found
}

/// Every file of the server.
pub(crate) fn server_sources() -> Vec<(String, String)> {
    sources(&root().join("server/src"))
}

/// The lines that are code, not comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn each_dependency_is_used_in_its_own_room_only() {
    for (name, text) in server_sources() {
        for (used, rooms) in CONTAINED {
            let is_home = rooms.iter().any(|room| name.starts_with(room));
            let stray = code(&text).find(|line| line.contains(used));
            assert!(is_home || stray.is_none(), "{name} uses {used}: {stray:?}");
        }
        for (room, strangers) in INNOCENT {
            for stranger in strangers.iter().filter(|_| name.starts_with(room)) {
                let import = format!("crate::{stranger}");
                let known = code(&text).any(|line| line.contains(&import));
                assert!(!known, "{name} knows {stranger}");
            }
        }
    }
}

#[test]
fn the_policy_of_return_urls_imports_std_and_url_only() {
    let text = fs::read_to_string(root().join("server/src/return_url.rs")).expect("it is there");
    let imports = code(&text).filter_map(|line| line.trim_start().strip_prefix("use "));
    for import in imports {
        let known = ["std::", "url::", "super::"]
            .iter()
            .any(|crate_name| import.starts_with(crate_name));
        assert!(known, "use {import}");
    }
}

#[test]
fn every_file_begins_with_what_it_is_for_and_is_not_too_long() {
    for folder in ["server/src", "client/src", "xtask/src", "tests"] {
        for (name, text) in sources(&root().join(folder)) {
            if text.starts_with("// @generated") {
                continue;
            }
            assert!(
                text.starts_with("//!") || text.starts_with("#![doc = include_str!("),
                "{folder}/{name} does not say what it is for"
            );
            let lines = text.lines().count();
            assert!(lines <= MAX_LINES, "{folder}/{name} has {lines} lines");
            let unfinished = ["TODO", "FIXME", "XXX"].map(|word| [word, ":"].concat());
            assert!(
                !unfinished.iter().any(|word| text.contains(word)),
                "{folder}/{name} is not finished"
            );
        }
    }
}

#[test]
fn the_simulated_stripe_knows_nothing_of_the_server() {
    for (name, text) in sources(&root().join("tests/src")) {
        assert!(!text.contains("billing_portal_server"), "{name}");
    }
}
