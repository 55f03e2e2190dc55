//! What every file has: a doc comment at its beginning, a name that says something, and no unfinished work.

use crate::sizes::is_generated;

/// Names of files and folders that do not say what is in them.
const FORBIDDEN_NAMES: [&str; 7] = [
    "utils",
    "common",
    "types",
    "models",
    "domain",
    "infrastructure",
    "application",
];

/// Paths of the build machine that cargo offers to a build: another checkout may run what was built with them.
const BUILD_PATHS: [&str; 5] = [
    "CARGO_MANIFEST_DIR",
    "CARGO\"",
    "CARGO_TARGET_TMPDIR",
    "CARGO_BIN_EXE",
    "OUT_DIR",
];

/// One line for each path of the build machine that a file compiles in.
pub(crate) fn build_paths(file: &str, text: &str) -> Vec<String> {
    let compiled_in = BUILD_PATHS.map(|variable| format!("env!(\"{variable}"));
    let lines = text.lines().zip(1..);
    let found = lines.filter(|(line, _)| compiled_in.iter().any(|path| line.contains(path)));
    found
        .map(|(_, line)| format!("{file}:{line} compiles in a path of the build machine"))
        .collect()
}

/// One line for each fault of a file.
pub(crate) fn problems(file: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let has_docs = text.starts_with("//!") || text.starts_with("#![doc = include_str!(");
    if !has_docs && !is_generated(text) {
        problems.push(format!("{file}:1 does not begin with a doc comment"));
    }
    let names = file.trim_end_matches(".rs").split('/');
    let forbidden = names.filter(|name| FORBIDDEN_NAMES.contains(name));
    problems.extend(forbidden.map(|name| format!("{file}:1 is in a module called {name}")));
    for word in ["todo", "fixme", "xxx"].map(|word| [word, ":"].concat()) {
        let says = |line: &str| line.to_lowercase().contains(&word);
        let line = text.lines().position(says);
        problems.extend(line.map(|line| format!("{file}:{} says {word}", line + 1)));
    }
    problems
}
