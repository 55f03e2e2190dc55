//! The crate's public interface, one line for each item, read from its sources.
//!
//! `public-api.txt` is the interface as it is; a change of it is a change that a person makes, by running this test
//! with `ACCEPT_PUBLIC_API=1` and reading the difference. `released/` holds the interface of each release, and the
//! crate's version must have risen by as much as the interface has changed since the last one.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sources::interface;

/// Lines, each of which a caller may rely on.
type Interface = BTreeSet<String>;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_public_interface_is_the_accepted_one() {
    let found = interface();
    assert!(
        found.contains("Client: pub fn builder() -> ClientBuilder"),
        "the reader of sources reads nothing"
    );
    let file = package().join("public-api.txt");
    if std::env::var_os("ACCEPT_PUBLIC_API").is_some() {
        let text: Vec<&str> = found
            .iter()
            .flat_map(|line| {
                [
                    line, "
",
                ]
            })
            .collect();
        fs::write(&file, text.concat()).expect("a writable file");
    }
    let accepted = read(&file);
    let gone: Vec<_> = accepted.difference(&found).collect();
    let new: Vec<_> = found.difference(&accepted).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "the public interface has changed.\ngone: {gone:#?}\nnew: {new:#?}\nIf that is meant, run with ACCEPT_PUBLIC_API=1."
    );
}

#[test]
fn the_version_has_risen_as_the_interface_has_changed() {
    let (released, before) = last_release();
    let now: [u64; 3] = version(env!("CARGO_PKG_VERSION"));
    assert_eq!(complaint(released, &before, now, &interface()), None);
}

#[test]
fn a_version_that_has_not_risen_enough_is_found() {
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
            "since {released:?} these are gone or changed, which asks for a new major version: {gone:#?}"
        ))
    } else if !new.is_empty() && now[..2] == released[..2] {
        Some(format!(
            "since {released:?} these are new, which asks for a new minor version: {new:#?}"
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
