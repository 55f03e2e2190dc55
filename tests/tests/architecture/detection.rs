//! Source trees with one fault each, to show that the fault is found and named, and trees without a fault.

mod cycles;
mod layers;
mod lengths;
mod manifests;
mod packages;
mod paths;

use crate::crate_tree::{CrateTree, Files};

/// Files by path and text.
fn files(sources: &[(&str, &str)]) -> Files {
    let sources = sources.iter();
    sources
        .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
        .collect()
}

/// The crate of which the first file is the root.
fn tree(sources: &[(&str, &str)]) -> CrateTree {
    CrateTree::read(sources[0].0, &files(sources))
}
