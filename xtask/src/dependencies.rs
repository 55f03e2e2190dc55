//! The rules of deny.toml, checked by cargo-deny.

use std::{env, fs, path::PathBuf, process::ExitCode};

use anyhow::Result;
use xshell::cmd;

use crate::workspace;

/// Checks licences, duplicates and sources, and advisories if this machine has a copy of their database.
pub(crate) fn run() -> Result<ExitCode> {
    let shell = workspace::shell()?;
    let has_advisories = has_advisories();
    let advisories = has_advisories.then_some("advisories");
    // Without network: what is not here already is reported, not fetched.
    let check = cmd!(
        shell,
        "cargo deny --locked --offline check licenses bans sources {advisories...}"
    );
    let passed = check.quiet().run().is_ok();
    if !has_advisories {
        println!(
            "skipped advisories: there is no copy of the RustSec database in ~/.cargo/advisory-dbs"
        );
    }
    Ok(workspace::exit_code(passed))
}

/// Whether cargo-deny has a copy of an advisory database, each in a folder of its own.
fn has_advisories() -> bool {
    let home = |name| env::var_os(name).map(PathBuf::from);
    let cargo = home("CARGO_HOME").or_else(|| Some(home("HOME")?.join(".cargo")));
    let folders = cargo.and_then(|cargo| fs::read_dir(cargo.join("advisory-dbs")).ok());
    folders.is_some_and(|folders| folders.flatten().any(|folder| folder.path().is_dir()))
}
