//! Lists what a log filter can name: the modules of this package and the crates that it is built of.
//!
//! The list comes from `Cargo.lock`, because a program does not know which crates are in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use toml::{Table, Value};

/// Cargo runs this program in the package's folder.
const MANIFEST: &str = "Cargo.toml";
const LOCK: &str = "../Cargo.lock";
const SOURCES: &str = "src";

/// Sets `LOG_CRATES` and `LOG_MODULES`.
pub(crate) fn list() {
    for read in [LOCK, MANIFEST, SOURCES] {
        println!("cargo::rerun-if-changed={read}");
    }
    let crates = crates(&table(LOCK), &table(MANIFEST));
    let mut modules = BTreeSet::new();
    add_modules(Path::new(SOURCES), "", &mut modules);
    println!("cargo::rustc-env=LOG_CRATES={}", joined(&crates));
    println!("cargo::rustc-env=LOG_MODULES={}", joined(&modules));
}

fn joined(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(",")
}

fn table(file: &str) -> Table {
    let text = fs::read_to_string(file).expect("the file is a part of the workspace");
    text.parse().expect("cargo has read it")
}

/// The crates that this package depends on, directly or not, by the names that they have in code.
fn crates(lock: &Table, manifest: &Table) -> BTreeSet<String> {
    let packages = lock["package"].as_array().into_iter().flatten();
    let mut dependencies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let name = package["name"].as_str().expect("a package has a name");
        let needed = package.get("dependencies").and_then(Value::as_array);
        let needed = needed.into_iter().flatten().filter_map(Value::as_str);
        // "name", or "name version" where there are several.
        let needed = needed.filter_map(|needed| needed.split(' ').next());
        dependencies.entry(name).or_default().extend(needed);
    }
    let direct = manifest["dependencies"].as_table().into_iter().flatten();
    let mut open: Vec<&str> = direct.map(|(name, _)| name.as_str()).collect();
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        if found.insert(name.replace('-', "_")) {
            open.extend(dependencies.get(name).into_iter().flatten());
        }
    }
    found
}

/// The modules below this folder, such as `stripe::attempt`.
fn add_modules(folder: &Path, parent: &str, modules: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let name = format!("{parent}{}", stem.expect("files have names in UTF-8"));
        if path.is_dir() {
            add_modules(&path, &format!("{name}::"), modules);
            modules.insert(name);
        } else if !name.ends_with("mod") && !["lib", "main"].contains(&name.as_str()) {
            modules.insert(name);
        }
    }
}
