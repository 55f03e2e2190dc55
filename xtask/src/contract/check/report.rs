//! Prints what the check found, for people, programs and GitHub, and says it with the exit code.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::json;

use super::{finding::Finding, finding_docs, proved_elsewhere};
use crate::commands::Format;

/// Exit code for findings that `cargo xtask generate` fixes; 1 is for those that a person must fix.
const FIXED_BY_GENERATE: u8 = 4;

/// Prints the findings, or `clean`; 0 if there are none, 4 if `cargo xtask generate` fixes them all, else 1.
pub(crate) fn report(findings: &[Finding], format: Format, clean: &str) -> ExitCode {
    match format {
        // The reader may close the pipe early.
        Format::Text => drop(io::stdout().write_all(text(findings, clean).as_bytes())),
        Format::Json => {
            let rows = proved_elsewhere::ROWS.iter();
            let elsewhere: Vec<_> = rows
                .map(|row| json!({ "gap": row.gap, "proofs": row.proofs }))
                .collect();
            let findings: Vec<_> = findings.iter().map(Finding::to_json).collect();
            println!(
                "{}",
                json!({ "ok": findings.is_empty(), "findings": findings, "proved_elsewhere": elsewhere })
            );
        }
        Format::Github => findings
            .iter()
            .for_each(|finding| println!("{}", finding.to_github())),
    }
    if findings.is_empty() {
        ExitCode::SUCCESS
    } else if findings.iter().all(Finding::is_fixed_by_generate) {
        ExitCode::from(FIXED_BY_GENERATE)
    } else {
        ExitCode::FAILURE
    }
}

fn text(findings: &[Finding], clean: &str) -> String {
    let findings_text: String = findings
        .iter()
        .map(|finding| finding.to_text() + "\n")
        .collect();
    match findings.len() {
        0 => format!("{clean}\n"),
        1 => findings_text + "1 finding; `cargo xtask explain ID` tells more.\n",
        many => format!("{findings_text}{many} findings; `cargo xtask explain ID` tells more.\n"),
    }
}

/// What a check that found nothing says: also what it leaves to others.
pub(crate) fn nothing_has_drifted() -> String {
    let mut text = "What the server cannot declare is proved elsewhere:\n".to_owned();
    for proved_elsewhere::ProvedElsewhere { gap, proofs, .. } in proved_elsewhere::ROWS.iter() {
        let _ = writeln!(text, "  {gap}: {}", proofs.join(", "));
    }
    text + "Nothing has drifted."
}

/// Tells what a finding's id means; without an id, lists them all.
pub(crate) fn explain(id: Option<&str>) -> ExitCode {
    let Some(id) = id else {
        for finding_docs::Entry { id, means, .. } in finding_docs::ENTRIES.iter() {
            println!("{id:20} {means}");
        }
        return ExitCode::SUCCESS;
    };
    let Some(finding_docs::Entry {
        family,
        id,
        means,
        fix,
    }) = finding_docs::find(&id.to_uppercase())
    else {
        eprintln!("no finding is called {id}; `cargo xtask explain` lists them all");
        return ExitCode::from(2);
    };
    println!("{id}\n  {means}\n  -> {fix}\n{family}");
    for row in proved_elsewhere::ROWS
        .iter()
        .filter(|row| row.proofs.contains(id))
    {
        println!(
            "It also proves what the server cannot declare: {}.",
            row.gap
        );
    }
    ExitCode::SUCCESS
}
