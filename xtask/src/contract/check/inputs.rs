//! What the check reads: files of the workspace and the document that the server declares. Gathered once, then only
//! read, so that the self-test can change any of it in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use billing_portal_tests::contract::document::CONTRACT;
use serde_json::{Map, Value};
use xshell::cmd;

use super::{
    finding::Findings,
    history::{SDK, VERSIONED},
};
use crate::{contract::generate::GENERATED_FILES, workspace};

/// Names a binary of the service to use instead of building one.
const BINARY_VARIABLE: &str = "XTASK_SERVICE_BINARY";

/// Files that must be there, beside those that hold the version.
const REQUIRED: [&str; 6] = [
    CONTRACT,
    SDK.0,
    "CHANGELOG.md",
    "README.md",
    "client/README.md",
    "client/typescript/README.md",
];

/// Everything that the check reads.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    /// Texts by path from the workspace's root, with line ends as the repository has them.
    pub(crate) files: BTreeMap<String, String>,
    /// Files that should be texts and are not, with the reason.
    pub(crate) unreadable: BTreeMap<String, String>,
    /// The document that `billing-portal openapi` prints.
    pub(crate) declared: Declared,
    /// The day, as `2026-01-31`.
    pub(crate) today: String,
}

/// The server's document.
#[derive(Clone, Debug)]
pub(crate) enum Declared {
    /// As the server prints it.
    Document(Value),
    /// The reason why there is none.
    Unavailable(String),
}

impl Inputs {
    /// Reads the workspace and runs the server.
    pub(crate) fn gather(root: &Path) -> Result<Self> {
        let declared = match declared_document(root) {
            Ok(document) => Declared::Document(document),
            Err(error) => Declared::Unavailable(format!("{error:#}")),
        };
        let files = Self::without_server(root)?;
        Ok(Self { declared, ..files })
    }

    /// Reads the workspace alone.
    pub(crate) fn without_server(root: &Path) -> Result<Self> {
        let mut inputs = Self {
            files: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            declared: Declared::Unavailable("the server was not run".to_owned()),
            today: today()?,
        };
        let versioned = VERSIONED.map(|(file, _)| file);
        let required = REQUIRED.into_iter().chain(versioned).map(str::to_owned);
        let files: BTreeSet<_> = listed(root)?.into_iter().chain(required).collect();
        for file in files {
            match fs::read(root.join(&file)) {
                Ok(bytes) => inputs.set(&file, bytes),
                Err(error) => inputs.lacks(&file, error.to_string()),
            }
        }
        Ok(inputs)
    }

    /// Notes that a file is missing.
    pub(crate) fn lacks(&mut self, file: &str, reason: impl Into<String>) {
        self.files.remove(file);
        self.unreadable.insert(file.to_owned(), reason.into());
    }

    /// Reads the content of a file. What is not UTF-8 is still read as far as possible, so that a secret in it is found.
    pub(crate) fn set(&mut self, file: &str, bytes: Vec<u8>) {
        if bytes.contains(&0) {
            // An image or an archive.
            return;
        }
        let text = String::from_utf8(bytes).unwrap_or_else(|error| {
            let reason = error.utf8_error().to_string();
            self.unreadable.insert(file.to_owned(), reason);
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        self.files
            .insert(file.to_owned(), text.replace("\r\n", "\n"));
    }
}

/// The day, as `2026-01-31`.
pub(crate) fn today() -> Result<String> {
    let shell = workspace::shell()?;
    Ok(cmd!(shell, "date -u +%F").quiet().read()?)
}

/// Adds a finding for each file that cannot be read, because what is not read is not checked.
pub(crate) fn check(inputs: &Inputs, found: &mut Findings<'_>) {
    for (file, reason) in &inputs.unreadable {
        // The check of generated files reports those; the seeds are bytes.
        let is_generated = GENERATED_FILES.iter().any(|other| other.path == file);
        if !is_generated && !file.starts_with("fuzz/seeds/") {
            found.in_file("META-INPUT", file, 1).says("reader", reason);
        }
    }
}

/// Every file that is tracked, or new and not ignored.
fn listed(root: &Path) -> Result<Vec<String>> {
    let shell = workspace::shell()?;
    shell.change_dir(root);
    let options = ["-z", "--cached", "--others", "--exclude-standard"];
    let list = cmd!(shell, "git ls-files {options...}");
    let list = list.quiet().ignore_stderr().read();
    let list = list.context("the files of the workspace are listed by git")?;
    Ok(list.split_terminator('\0').map(str::to_owned).collect())
}

/// The document that the server's binary prints, so that the check works while the server does not compile.
fn declared_document(root: &Path) -> Result<Value> {
    let binary =
        env::var_os(BINARY_VARIABLE).map_or_else(|| built(root), |binary| Ok(binary.into()))?;
    let printed = Command::new(&binary).arg("openapi").env_clear().output();
    let printed = printed.with_context(|| binary.display().to_string())?;
    let problem = String::from_utf8_lossy(&printed.stderr);
    ensure!(
        printed.status.success(),
        "{} openapi: {problem}",
        binary.display()
    );
    let document: Map<_, _> = serde_json::from_slice(&printed.stdout)?;
    Ok(Value::Object(document))
}

/// The development binary; built first if a source is newer.
fn built(root: &Path) -> Result<PathBuf> {
    let binary = workspace::target()?.join("debug/billing-portal");
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let is_source = |file: &String| file.starts_with("server/") || file.starts_with("Cargo.");
    let sources = listed(root)?.into_iter().filter(is_source);
    let newest = sources
        .filter_map(|source| modified(&root.join(source)))
        .max();
    if newest > modified(&binary) {
        eprintln!("building billing-portal first: it is missing or older than its sources");
        let shell = workspace::shell()?;
        let build = cmd!(
            shell,
            "cargo build --package billing-portal-server --bin billing-portal"
        );
        build.quiet().run()?;
        // Cargo leaves a binary that needs no new build as it is; its time then says up to when it is current.
        if let (Ok(file), Some(newest)) = (fs::File::open(&binary), newest) {
            let _ = file.set_modified(newest);
        }
    }
    Ok(binary)
}
