//! The workspace as it is on disk: its packages, their targets, their files and what they depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use billing_portal_tests::workspace::cargo;
pub(crate) use billing_portal_tests::workspace::root;
use serde_json::Value;

use crate::crate_tree::{CrateTree, Files};

/// One package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Every Rust file in its folder.
    pub(crate) files: Files,
    /// The root files of its library, programs, tests, examples and benches.
    pub(crate) roots: Vec<String>,
}

impl Package {
    /// Parses its crates.
    pub(crate) fn crates(&self) -> impl Iterator<Item = CrateTree> {
        self.roots
            .iter()
            .map(|root| CrateTree::read(root, &self.files))
    }

    /// One line for each file that no target includes.
    pub(crate) fn orphans(&self) -> Vec<String> {
        let crates: Vec<_> = self.crates().collect();
        let known: BTreeSet<_> = crates.iter().flat_map(CrateTree::files).collect();
        let orphans = self
            .files
            .keys()
            .filter(|file| !known.contains(file.as_str()));
        orphans
            .map(|file| format!("{file}:1 is in no crate: no mod declares it"))
            .collect()
    }

    /// The files in these folders.
    pub(crate) fn files_in(&self, folders: &[&str]) -> Files {
        let files = self.files.iter();
        let files = files.filter(|(file, _)| folders.iter().any(|folder| file.starts_with(folder)));
        files
            .map(|(file, text)| (file.clone(), text.clone()))
            .collect()
    }
}

/// Every package, read once.
pub(crate) fn packages() -> &'static [Package] {
    static PACKAGES: OnceLock<Vec<Package>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let metadata = metadata();
        let packages = metadata["packages"].as_array().expect("there are packages");
        packages.iter().map(read_package).collect()
    })
}

/// What `cargo metadata` reports of the workspace's own packages.
pub(crate) fn metadata() -> Value {
    let output = Command::new(cargo())
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

/// The packages of the workspace that a package links: its own dependencies, tests included, and what they link.
pub(crate) fn linked_packages(metadata: &Value, package: &str) -> BTreeSet<String> {
    let mut linked = BTreeSet::new();
    let mut waiting = dependencies(metadata, package, true);
    while let Some(next) = waiting.pop() {
        if linked.insert(next.clone()) {
            waiting.extend(dependencies(metadata, &next, false));
        }
    }
    linked
}

fn dependencies(metadata: &Value, package: &str, with_tests: bool) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let dependencies = packages
        .filter(|known| known["name"] == package)
        .filter_map(|known| known["dependencies"].as_array())
        .flatten();
    dependencies
        .filter(|dependency| with_tests || dependency["kind"] != "dev")
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect()
}

fn read_package(package: &Value) -> Package {
    let manifest = PathBuf::from(package["manifest_path"].as_str().expect("a path"));
    let mut files = BTreeMap::new();
    read_folder(manifest.parent().expect("a folder"), &mut files);
    let targets = package["targets"].as_array().expect("there are targets");
    let roots = targets
        .iter()
        .filter_map(|target| target["src_path"].as_str());
    Package {
        name: package["name"].as_str().expect("a name").to_owned(),
        roots: roots.map(|file| relative(Path::new(file))).collect(),
        files,
    }
}

/// A folder with a manifest of its own is another package.
fn read_folder(folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        let is_ours = !path.join("Cargo.toml").exists() && !path.ends_with("node_modules");
        if path.is_dir() && is_ours {
            read_folder(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source is text");
            files.insert(relative(&path), text);
        }
    }
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("it is in the workspace");
    path.display().to_string()
}
