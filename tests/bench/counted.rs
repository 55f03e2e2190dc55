//! The counts of instructions that are kept in the repository, and what they depend on.

use std::{collections::BTreeMap, env, fs, path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::result::Result;

/// What a counted server is run with, so that the same work is the same instructions: one worker thread, so that no work
/// is stolen, and the C library's functions for every x86-64.
pub(crate) const ENVIRONMENT: [(&str, &str); 2] = [
    ("TOKIO_WORKER_THREADS", "1"),
    (
        "GLIBC_TUNABLES",
        "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-ERMS,-FSRM,-BMI1,-BMI2,-LZCNT,-MOVBE,-RTM,-SSE4_2,-SSSE3",
    ),
];

/// Instructions of a request, by its name.
pub(crate) type Counts = BTreeMap<String, f64>;

/// Where the results are kept.
pub(crate) fn folder() -> PathBuf {
    billing_portal_tests::workspace::root().join("tests/bench")
}

fn file() -> PathBuf {
    folder().join("instructions.json")
}

/// What the counts depend on most besides the code: the compiler and the kind of machine.
pub(crate) fn built_with() -> Result<String> {
    let output = Command::new("rustc").arg("--version").output()?;
    let version = String::from_utf8(output.stdout)?;
    Ok(format!("{} on {}", version.trim(), env::consts::ARCH))
}

/// The kept counts, and what they were counted with.
pub(crate) fn kept() -> Result<(String, Counts)> {
    let kept: Value = serde_json::from_str(&fs::read_to_string(file())?)?;
    let counts = serde_json::from_value(kept["instructions"].clone())?;
    let built_with = kept["built_with"].as_str().unwrap_or_default();
    Ok((built_with.to_owned(), counts))
}

/// Keeps the counts.
pub(crate) fn keep(counts: &Counts) -> Result<()> {
    let kept = json!({ "built_with": built_with()?, "instructions": counts });
    fs::write(file(), serde_json::to_string_pretty(&kept)? + "\n")?;
    Ok(())
}
