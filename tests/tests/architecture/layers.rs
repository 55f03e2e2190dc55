//! Layer rules: which files may use what. A place is a file of the workspace, or a module with all modules below it:
//! `server/src/store` is `server/src/store.rs` and everything in `server/src/store/`.

use std::collections::BTreeMap;

use crate::crate_tree::CrateTree;
use crate::references::{Defined, Reference};

/// One rule that a reader can remember.
#[derive(Debug)]
pub(crate) enum Rule {
    /// Within a part of the workspace, only these files use these paths of other crates. `*::X` is the name X on any path.
    OnlyIn {
        within: &'static str,
        used: &'static [&'static str],
        files: &'static [&'static str],
    },
    /// These files import from their own crate only from these.
    ImportOnlyFrom {
        files: &'static [&'static str],
        from: &'static [&'static str],
    },
    /// These files import nothing from those.
    NeverImportFrom {
        files: &'static [&'static str],
        from: &'static [&'static str],
    },
    /// These files use no other crates than these.
    UseOnlyCrates {
        files: &'static [&'static str],
        crates: &'static [&'static str],
    },
}

/// One line for each file that breaks a rule, with the first line of the file that does.
pub(crate) fn broken_rules(tree: &CrateTree, rules: &[Rule]) -> Vec<String> {
    let mut broken: BTreeMap<(String, String), Reference> = BTreeMap::new();
    for reference in tree.references() {
        for problem in rules.iter().filter_map(|rule| rule.problem(&reference)) {
            let known = broken
                .entry((reference.file.clone(), problem))
                .or_insert_with(|| reference.clone());
            if reference.line < known.line {
                *known = reference.clone();
            }
        }
    }
    let lines = broken.into_iter().map(|((file, problem), reference)| {
        let Reference { line, written, .. } = reference;
        format!("{file}:{line} uses {written}, but {problem}")
    });
    lines.collect()
}

impl Rule {
    /// Every place that the rule names.
    pub(crate) fn places(&self) -> Vec<&'static str> {
        match self {
            Self::OnlyIn { files, .. } | Self::UseOnlyCrates { files, .. } => files.to_vec(),
            Self::ImportOnlyFrom { files, from } | Self::NeverImportFrom { files, from } => {
                [*files, *from].concat()
            }
        }
    }

    fn problem(&self, reference: &Reference) -> Option<String> {
        let file = reference.file.as_str();
        match (self, &reference.defined) {
            (
                Self::OnlyIn {
                    within,
                    used,
                    files,
                },
                Defined::InCrate { path, imported_by },
            ) => {
                let is_elsewhere = file.starts_with(within) && !is_in(file, files);
                let used = used
                    .iter()
                    .find(|used| is_use_of(path, used, is_in(imported_by, files)));
                used.filter(|_| is_elsewhere)
                    .map(|used| format!("{used} belongs only in [{}]", files.join(", ")))
            }
            (Self::ImportOnlyFrom { files, from }, Defined::InFile(target)) => {
                let is_wrong = is_in(file, files) && !is_in(target, from);
                is_wrong.then(|| {
                    format!(
                        "{} may import only from {}",
                        files.join(", "),
                        from.join(", ")
                    )
                })
            }
            (Self::NeverImportFrom { files, from }, Defined::InFile(target)) => {
                let is_wrong = is_in(file, files) && is_in(target, from);
                is_wrong.then(|| format!("{} must not import {target}", files.join(", ")))
            }
            (Self::UseOnlyCrates { files, crates }, Defined::InCrate { path, .. }) => {
                let used = crate_name(path).filter(|_| is_in(file, files))?;
                let is_wrong = !crates.contains(&used);
                is_wrong.then(|| {
                    format!(
                        "{} may use only the crates {}",
                        files.join(", "),
                        crates.join(", ")
                    )
                })
            }
            _ => None,
        }
    }
}

/// A place is a file, or a module with all modules below it.
pub(crate) fn is_in(file: &str, places: &[&str]) -> bool {
    places.iter().any(|place| {
        file.strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    })
}

/// Whether the path is of what is restricted. A crate that an allowed file re-exports under a name of its own is
/// hidden behind that name; a name (`*::X`) is not.
fn is_use_of(path: &[String], used: &str, is_reexported: bool) -> bool {
    if let Some(name) = used.strip_prefix("*::") {
        return path.iter().any(|segment| segment == name);
    }
    let used: Vec<_> = used.split("::").collect();
    let begins_so =
        path.len() >= used.len() && path.iter().zip(used).all(|(segment, used)| segment == used);
    begins_so && !is_reexported
}

/// The crate of an external path. `String::new`, `u8::MAX` and `clippy::pedantic` have no crate.
fn crate_name(path: &[String]) -> Option<&str> {
    const TOOLS: [&str; 3] = ["clippy", "rustdoc", "rustfmt"];
    const PRIMITIVES: [&str; 17] = [
        "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128",
        "u16", "u32", "u64", "u8", "usize",
    ];
    let head = path.first()?.as_str();
    let is_lowercase = head.starts_with(|first: char| first.is_ascii_lowercase());
    (is_lowercase && !TOOLS.contains(&head) && !PRIMITIVES.contains(&head)).then_some(head)
}
