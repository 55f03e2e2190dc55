//! What the check looks at: files of the workspace and the document that the server declares. Gathered once, then only
//! read, so that the self-test can change any of it in memory.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value};

use super::history::{RELEASED, SDK, VERSIONED};
use crate::{document::CONTRACT, generate::ARTEFACTS, workspace};

/// Everything that the check looks at.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// Texts by path from the workspace's root; a file that is not there is not here.
    pub(crate) files: BTreeMap<String, String>,
    /// What `billing-portal openapi` prints, or why it does not.
    pub(crate) declared: Result<Value, String>,
}

impl Evidence {
    /// Reads the workspace and asks the server.
    pub(crate) fn gather(root: &Path) -> Self {
        let mut paths = vec![CONTRACT.into(), SDK.into(), "CHANGELOG.md".into()];
        let readmes = [
            "README.md",
            "client/README.md",
            "client/typescript/README.md",
        ];
        paths.extend(readmes.map(PathBuf::from));
        paths.extend(ARTEFACTS.iter().map(|artefact| artefact.path.into()));
        paths.extend(VERSIONED.map(|(file, ..)| file.into()));
        paths.extend(below(root, Path::new(RELEASED)));
        let tests = ["tests", "client/tests"].map(|tests| below(root, Path::new(tests)));
        let is_rust = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "rs");
        paths.extend(tests.into_iter().flatten().filter(is_rust));
        let read = |path: PathBuf| {
            let text = fs::read_to_string(root.join(&path)).ok()?;
            Some((path.display().to_string(), text))
        };
        Self {
            files: paths.into_iter().filter_map(read).collect(),
            declared: declared_document(root),
        }
    }
}

/// Every file below a folder, by path from the root.
fn below(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten();
    for path in entries
        .flatten()
        .map(|entry| folder.join(entry.file_name()))
    {
        if root.join(&path).is_dir() {
            files.extend(below(root, &path));
        } else {
            files.push(path);
        }
    }
    files
}

/// What the server declares: the binary's own words, so that the check works while the server does not compile.
fn declared_document(root: &Path) -> Result<Value, String> {
    let binary = match workspace::variable("XTASK_SERVICE_BINARY") {
        Some(binary) => PathBuf::from(binary),
        None => built(root)?,
    };
    let failed = |reason: &dyn Display| format!("{} openapi: {reason}", binary.display());
    let output = Command::new(&binary).arg("openapi").env_clear().output();
    let output = output.map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr)));
    }
    let document: Map<_, _> =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))?;
    Ok(Value::Object(document))
}

/// The development binary; built first if a source is newer.
fn built(root: &Path) -> Result<PathBuf, String> {
    let binary = workspace::target().join("debug/billing-portal");
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let mut sources = below(root, Path::new("server"));
    sources.extend(["Cargo.toml", "Cargo.lock"].map(PathBuf::from));
    let newest = sources
        .iter()
        .filter_map(|source| modified(&root.join(source)))
        .max();
    if newest > modified(&binary) {
        eprintln!("building billing-portal first: it is missing or older than its sources");
        workspace::build_binary()?;
        // Cargo leaves a binary that needs no new build as it is; its time then says up to when it is good.
        if let (Ok(file), Some(newest)) = (fs::File::open(&binary), newest) {
            let _ = file.set_modified(newest);
        }
    }
    Ok(binary)
}
