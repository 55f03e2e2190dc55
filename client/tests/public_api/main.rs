//! The crate's public interface, one line for each item, read from its sources.
//!
//! `public-api.txt` is the accepted interface. To change it, run this test with `ACCEPT_PUBLIC_API=1` and review the
//! difference. `released/` holds the interface of each release, and the crate's version must rise as semantic
//! versioning requires for the changes since the last one.

mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sources::{Interface, interface, package};

#[test]
fn public_interface_is_the_accepted_one() {
    let found = interface();
    assert!(
        found.contains("Client: pub fn builder() -> ClientBuilder"),
        "the sources were not read"
    );
    let file = package().join("public-api.txt");
    if std::env::var_os("ACCEPT_PUBLIC_API").is_some() {
        let text: String = found.iter().flat_map(|line| [line, "\n"]).collect();
        fs::write(&file, text).expect("a writable file");
    }
    let accepted = read(&file);
    let gone: Vec<_> = accepted.difference(&found).collect();
    let new: Vec<_> = found.difference(&accepted).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "the public interface has changed.\ngone: {gone:#?}\nnew: {new:#?}\nTo accept the change, run with ACCEPT_PUBLIC_API=1."
    );
}

#[test]
fn version_follows_semantic_versioning() {
    let (released, before) = last_release();
    let now: [u64; 3] = version(env!("CARGO_PKG_VERSION"));
    assert_eq!(complaint(released, &before, now, &interface()), None);
}

#[test]
fn version_that_is_too_low_is_reported() {
    let before: Interface = ["a", "b"].map(str::to_owned).into();
    let more: Interface = ["a", "b", "c"].map(str::to_owned).into();
    let less: Interface = ["a"].map(str::to_owned).into();
    assert_eq!(complaint([1, 2, 3], &before, [1, 2, 3], &before), None);
    assert_eq!(complaint([1, 2, 3], &before, [1, 3, 0], &more), None);
    assert_eq!(complaint([1, 2, 3], &before, [2, 0, 0], &less), None);
    assert!(complaint([1, 2, 3], &before, [1, 2, 4], &more).is_some());
    assert!(complaint([1, 2, 3], &before, [1, 3, 0], &less).is_some());
}

/// What is wrong with the version `now`, if anything.
fn complaint(
    released: [u64; 3],
    before: &Interface,
    now: [u64; 3],
    after: &Interface,
) -> Option<String> {
    let gone: Vec<_> = before.difference(after).collect();
    let new: Vec<_> = after.difference(before).collect();
    if !gone.is_empty() && now[0] == released[0] {
        Some(format!(
            "since {released:?} these are gone or changed, which requires a new major version: {gone:#?}"
        ))
    } else if !new.is_empty() && now[..2] == released[..2] {
        Some(format!(
            "since {released:?} these are new, which requires a new minor version: {new:#?}"
        ))
    } else {
        None
    }
}

/// The highest release that is not later than this version, and its interface.
fn last_release() -> ([u64; 3], Interface) {
    let files = fs::read_dir(package().join("released")).expect("the released interfaces");
    let files: BTreeMap<[u64; 3], PathBuf> = files
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            (
                version(
                    path.file_stem()
                        .and_then(|name| name.to_str())
                        .expect("a version"),
                ),
                path,
            )
        })
        .collect();
    let (released, file) = files.last_key_value().expect("a release");
    (*released, read(file))
}

fn version(text: &str) -> [u64; 3] {
    let parts: Vec<u64> = text
        .split('.')
        .map(|part| part.parse().expect("a number"))
        .collect();
    parts.try_into().expect("three numbers")
}

fn read(file: &Path) -> Interface {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(str::to_owned).collect()
}
