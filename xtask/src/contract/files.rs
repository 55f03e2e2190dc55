//! Reads files of the workspace.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow};
use billing_portal_tests::contract::document::{CONTRACT, Document};
use sha2::{Digest, Sha256};

/// The contract.
pub(super) fn read_contract(root: &Path) -> Result<Document> {
    parse(CONTRACT, &read(root, CONTRACT)?)
}

/// A YAML document, or the line at which it cannot be read.
pub(super) fn parse(file: &str, text: &str) -> Result<Document> {
    let document = Document::parse(file, text);
    document.map_err(|error| anyhow!("{file}:{}: {}", error.line, error.reason))
}

/// The text of a file of the workspace, with line ends as the repository has them.
pub(super) fn read(root: &Path, file: &str) -> Result<String> {
    let text = fs::read_to_string(root.join(file)).with_context(|| file.to_owned())?;
    Ok(text.replace("\r\n", "\n"))
}

/// The SHA-256 of a text, in hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}
