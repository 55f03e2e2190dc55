//! Writes every file that is derived from the contract.

use std::fs;
use std::path::Path;

use crate::{contract, outcomes, rust_sdk};

/// Each derived file's path and what it must hold.
pub(crate) fn derived_files(text: &str) -> Result<Vec<(&'static str, String)>, String> {
    let yaml = contract::parse(text)?;
    let document = contract::to_json(&yaml)?;
    Ok(vec![
        (rust_sdk::PATH, rust_sdk::generate(text, &document)?),
        (
            "client/src/outcomes.rs",
            rust_sdk::with_header(text, outcomes::GENERATOR, &outcomes::table(&document)?),
        ),
        (
            "client/src/errors.rs",
            rust_sdk::with_header(text, outcomes::GENERATOR, &outcomes::errors(&document)?),
        ),
    ])
}

/// `cargo xtask generate`: brings the derived files up to date and names those that changed.
pub(crate) fn run() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace");
    let text = fs::read_to_string(root.join(contract::PATH))
        .map_err(|error| format!("{}: {error}", contract::PATH))?;
    for (path, content) in derived_files(&text)? {
        let target = root.join(path);
        if fs::read_to_string(&target).is_ok_and(|present| present == content) {
            continue;
        }
        fs::write(&target, content).map_err(|error| format!("{path}: {error}"))?;
        println!("wrote {path}");
    }
    Ok(())
}
