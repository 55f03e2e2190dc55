//! What the check looks at: files of the workspace and the document that the server declares. Gathered once, then only
//! read, so that the self-test can change any of it in memory.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use serde_json::Value;

use super::history::{RELEASED, VERSIONED};
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
        let named = [
            CONTRACT,
            "README.md",
            "CHANGELOG.md",
            "client/README.md",
            "client/typescript/README.md",
        ];
        let derived = ARTEFACTS.iter().map(|artefact| artefact.path);
        let versioned = VERSIONED.iter().map(|(file, _, _)| *file);
        let mut paths: Vec<PathBuf> = named
            .into_iter()
            .chain(derived)
            .chain(versioned)
            .map(PathBuf::from)
            .collect();
        paths.extend(below(root, Path::new(RELEASED)));
        for tests in ["tests", "client/tests"] {
            let sources = below(root, Path::new(tests)).into_iter();
            paths.extend(sources.filter(|path| path.extension().is_some_and(|kind| kind == "rs")));
        }
        let read = |path: PathBuf| {
            Some((
                path.display().to_string(),
                fs::read_to_string(root.join(path)).ok()?,
            ))
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
    for entry in fs::read_dir(root.join(folder))
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = folder.join(entry.file_name());
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
    let output = Command::new(&binary)
        .arg("openapi")
        .env_clear()
        .output()
        .map_err(|error| format!("{}: {error}", binary.display()))?;
    if !output.status.success() {
        return Err(format!(
            "{} openapi: {}",
            binary.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{} openapi: {error}", binary.display()))
}

/// The development binary; built first if a source is newer.
fn built(root: &Path) -> Result<PathBuf, String> {
    let binary = workspace::target().join("debug/billing-portal");
    let modified = |path: &Path| {
        fs::metadata(path)
            .and_then(|file| file.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let mut sources = below(root, Path::new("server"));
    sources.extend(["Cargo.toml", "Cargo.lock"].map(PathBuf::from));
    let newest = sources
        .iter()
        .map(|source| modified(&root.join(source)))
        .max();
    if newest > Some(modified(&binary)) {
        eprintln!("building billing-portal first: it is missing or older than its sources");
        workspace::build_binary()?;
        // Cargo leaves a binary that needs no new build as it is; its time then says up to when it is good.
        if let (Ok(file), Some(newest)) = (fs::File::open(&binary), newest) {
            let _ = file.set_modified(newest);
        }
    }
    Ok(binary)
}
