//! Prints what the check found, for people, programs and GitHub, and says it with the exit code.

use std::process::ExitCode;

use serde_json::json;

use super::{finding::Finding, finding_docs};
use crate::{commands::Format, workspace};

/// Exit code for findings that `cargo xtask generate` fixes; 1 is for those that a person must fix.
const FIXED_BY_GENERATE: u8 = 4;

/// What a check that found nothing says.
pub(crate) const NOTHING_HAS_DRIFTED: &str = "Nothing has drifted. What the server cannot declare is proved elsewhere: \
    see xtask/src/contract/check/proved_elsewhere.md.";

/// Prints the findings, or `clean`; 0 if there are none, 4 if `cargo xtask generate` fixes them all, else 1.
pub(crate) fn report(findings: &[Finding], format: Format, clean: &str) -> ExitCode {
    let each = |print: fn(&Finding) -> String| findings.iter().map(print).collect::<Vec<_>>();
    let printed = match format {
        Format::Text if findings.is_empty() => clean.to_owned(),
        Format::Text => {
            let count = format!(
                "{} found; `cargo xtask explain ID` tells more.",
                findings.len()
            );
            each(Finding::to_text).join("\n") + "\n" + &count
        }
        Format::Github => each(Finding::to_github).join("\n"),
        Format::Json => {
            let list: Vec<_> = findings.iter().map(Finding::to_json).collect();
            json!({ "ok": findings.is_empty(), "findings": list }).to_string()
        }
    };
    workspace::print(&printed);
    if findings.is_empty() {
        ExitCode::SUCCESS
    } else if findings.iter().all(Finding::is_fixed_by_generate) {
        ExitCode::from(FIXED_BY_GENERATE)
    } else {
        ExitCode::FAILURE
    }
}

/// Explains a finding's id; without an id, lists them all.
pub(crate) fn explain(id: Option<&str>) -> ExitCode {
    let Some(id) = id else {
        let line = |entry: &finding_docs::Entry| format!("{:20} {}", entry.id, entry.means);
        let lines: Vec<_> = finding_docs::ENTRIES.iter().map(line).collect();
        workspace::print(&lines.join("\n"));
        return ExitCode::SUCCESS;
    };
    let Some(entry) = finding_docs::find(&id.to_uppercase()) else {
        eprintln!("no finding is called {id}; `cargo xtask explain` lists them all");
        return ExitCode::from(2);
    };
    println!(
        "{}\n  {}\n  -> {}\n{}",
        entry.id, entry.means, entry.fix, entry.family
    );
    ExitCode::SUCCESS
}
