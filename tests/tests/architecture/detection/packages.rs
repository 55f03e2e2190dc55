//! Packages that link the server by a detour, and files that no crate includes.

use serde_json::{Value, json};

use super::files;
use crate::workspace::{Package, linked_packages};

/// A package with its dependencies and their kinds.
fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
    let dependencies = dependencies.iter();
    let dependencies = dependencies.map(|(name, kind)| json!({ "name": name, "kind": kind }));
    json!({ "name": name, "dependencies": dependencies.collect::<Vec<_>>() })
}

#[test]
fn a_package_links_its_test_dependencies_and_what_those_link_themselves() {
    let metadata = json!({ "packages": [
        package("client", &[("serde", None), ("tests", Some("dev"))]),
        package("tests", &[("wiremock", None), ("server", Some("dev"))]),
        package("xtask", &[("helper", None)]),
        package("helper", &[("server", None)]),
        package("server", &[]),
    ]});
    let linked = |name| {
        linked_packages(&metadata, name)
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(linked("client"), ["serde", "tests", "wiremock"]);
    assert_eq!(linked("xtask"), ["helper", "server"]);
}

#[test]
fn a_file_that_no_module_declares_is_named() {
    let sources = [
        ("a/lib.rs", "mod known;"),
        ("a/known.rs", ""),
        ("a/forgotten.rs", ""),
    ];
    let package = Package {
        name: "a".to_owned(),
        files: files(&sources),
        roots: vec!["a/lib.rs".to_owned()],
    };
    assert_eq!(
        package.orphans(),
        ["a/forgotten.rs:1 is in no crate: no mod declares it"]
    );
}
