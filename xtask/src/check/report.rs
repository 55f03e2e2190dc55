//! Prints what the check found, for people, programs and GitHub, and says it with the exit code.

use std::{fmt::Write as _, process::ExitCode};

use clap::ValueEnum;
use serde_json::json;

use super::{catalogue, finding::Finding, handed_over};

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For a person at a terminal.
    #[default]
    Text,
    /// One JSON object.
    Json,
    /// Workflow commands that GitHub shows beside the lines.
    Github,
}

/// Exit code for findings that `cargo xtask generate` mends; 1 is for those that a person must.
const FIXED_BY_GENERATE: u8 = 4;

/// Prints the findings, or `clean`; 0 if there are none, 4 if `cargo xtask generate` mends them all, else 1.
pub(crate) fn report(findings: &[Finding], format: Format, clean: &str) -> ExitCode {
    match format {
        Format::Text => print!("{}", text(findings, clean)),
        Format::Json => {
            let rows = handed_over::ROWS.iter();
            let elsewhere: Vec<_> = rows
                .map(|row| json!({ "gap": row.gap, "proofs": row.proofs }))
                .collect();
            let findings: Vec<_> = findings.iter().map(Finding::to_json).collect();
            println!(
                "{}",
                json!({ "ok": findings.is_empty(), "findings": findings, "handed_over": elsewhere })
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
    let told: String = findings
        .iter()
        .map(|finding| finding.to_text() + "\n")
        .collect();
    match findings.len() {
        0 => format!("{clean}\n"),
        1 => told + "1 finding; `cargo xtask explain ID` tells more.\n",
        many => format!("{told}{many} findings; `cargo xtask explain ID` tells more.\n"),
    }
}

/// What a check that found nothing says: also what it leaves to others.
pub(crate) fn nothing_has_drifted() -> String {
    let mut text = "What the server cannot declare is proved elsewhere:\n".to_owned();
    for handed_over::HandedOver { gap, proofs, .. } in handed_over::ROWS.iter() {
        let _ = writeln!(text, "  {gap}: {}", proofs.join(", "));
    }
    text + "Nothing has drifted."
}

/// Tells what a finding's id means; without an id, lists them all.
pub(crate) fn explain(id: Option<&str>) -> ExitCode {
    let Some(id) = id else {
        for catalogue::Entry { id, means, .. } in catalogue::ENTRIES.iter() {
            println!("{id:20} {means}");
        }
        return ExitCode::SUCCESS;
    };
    let Some(catalogue::Entry {
        family,
        id,
        means,
        cure,
    }) = catalogue::find(&id.to_uppercase())
    else {
        eprintln!("no finding is called {id}; `cargo xtask explain` lists them all");
        return ExitCode::from(2);
    };
    println!("{id}\n  {means}\n  -> {cure}\n{family}");
    for row in handed_over::ROWS
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
