//! The structure of the code: no import cycles, layers that hold, short files and functions.
//!
//! Every Rust file is parsed, every `use` flattened, every path resolved to the file that defines its target. The tests
//! in `detection` feed source trees with one fault each and expect the fault with file and line.

mod collect;
mod conventions;
mod crate_tree;
mod cycles;
mod detection;
mod documents;
mod layer_rules;
mod layers;
mod manifests;
mod references;
mod resolve;
mod sizes;
mod workspace;

use layer_rules::RULES;
use sizes::Lengths;
use workspace::packages;

/// The code that is shipped or that releases it, for which the length of functions counts.
const PRODUCT: [&str; 4] = [
    "server/src/",
    "client/src/",
    "generators/src/",
    "xtask/src/",
];

/// Fails with one problem a line.
#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn no_crate_has_an_import_cycle() {
    let crates = packages().iter().flat_map(workspace::Package::crates);
    let cycles: Vec<_> = crates
        .flat_map(|tree| cycles::import_cycles(&tree))
        .collect();
    assert_none(&cycles);
}

#[test]
fn each_layer_uses_only_what_it_may() {
    let crates = packages().iter().flat_map(workspace::Package::crates);
    let broken: Vec<_> = crates
        .flat_map(|tree| layers::broken_rules(&tree, RULES))
        .collect();
    assert_none(&broken);
}

/// A rule about a file that was renamed would hold whatever that file does.
#[test]
fn every_rule_is_about_files_that_exist() {
    let files: Vec<_> = packages()
        .iter()
        .flat_map(|package| package.files.keys())
        .collect();
    let places = RULES.iter().flat_map(layers::Rule::places);
    let absent = places.filter(|place| !files.iter().any(|file| layers::is_in(file, &[place])));
    let absent: Vec<_> = absent
        .map(|place| format!("{place} does not exist"))
        .collect();
    assert_none(&absent);
}

#[test]
fn the_client_and_xtask_never_link_the_server() {
    let metadata = workspace::metadata();
    for package in ["billing-portal-client", "xtask"] {
        let linked = workspace::linked_packages(&metadata, package);
        assert!(linked.contains("serde_json"), "{package} links {linked:?}");
        assert!(
            !linked.contains("billing-portal-server"),
            "{package} links {linked:?}"
        );
    }
}

#[test]
fn every_rust_file_belongs_to_a_crate() {
    let orphans: Vec<_> = packages()
        .iter()
        .flat_map(workspace::Package::orphans)
        .collect();
    assert_none(&orphans);
}

#[test]
fn files_and_functions_are_short() {
    let mut problems = Vec::new();
    for package in packages() {
        let of_product = package.files_in(&PRODUCT);
        for lengths in [
            Lengths::of_files(&package.files),
            Lengths::of_functions(&of_product),
        ] {
            println!("{}: {lengths}", package.name);
            let found = lengths.problems().into_iter();
            problems.extend(found.map(|problem| format!("{}: {problem}", package.name)));
        }
    }
    assert_none(&problems);
}

#[test]
fn every_file_says_what_it_is_for_and_is_finished() {
    let files = packages().iter().flat_map(|package| &package.files);
    let problems: Vec<_> = files
        .flat_map(|(file, text)| conventions::problems(file, text))
        .collect();
    assert_none(&problems);
}

#[test]
fn t1_no_path_of_the_build_machine_is_in_any_crate() {
    let files = packages().iter().flat_map(|package| &package.files);
    let problems: Vec<_> = files
        .flat_map(|(file, text)| conventions::build_paths(file, text))
        .collect();
    assert_none(&problems);
}

#[test]
fn each_direct_dependency_has_its_reason() {
    assert_none(&manifests::dependencies_without_reason());
}

#[test]
fn the_documents_name_only_what_exists() {
    let mut problems = documents::broken_links();
    problems.extend(documents::misnamed_links());
    problems.extend(documents::unknown_steps());
    problems.extend(documents::unknown_tests());
    problems.extend(documents::unlisted_commands());
    assert_none(&problems);
}

#[test]
fn the_documents_use_plain_words() {
    assert_none(&documents::withdrawn_words());
}
