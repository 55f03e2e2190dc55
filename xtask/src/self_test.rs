//! `cargo xtask self-test`: does the check see what it claims to see?
//!
//! It is fed evidence that lies. Each row of `self_test/lies.yaml` is one lie and the finding that must catch it,
//! at the line where the lie is told; `self_test/harmless.yaml` holds changes that mean nothing and must stay quiet.
//! Besides, every line of the contract is changed in one word, and each must be found at its line. The table of all
//! kinds of drift (`self_test/rows.md`) is printed with our column filled.

mod evidence;
mod sample;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    ops::RangeInclusive,
    process::ExitCode,
};

use serde_json::Value;

use self::evidence::Case;
use crate::{
    check::{catalogue, change, evidence::Evidence, finding::Finding},
    document::{CONTRACT, Document},
};

const ROWS: &str = include_str!("self_test/rows.md");
const LIES: &str = include_str!("self_test/lies.yaml");
const HARMLESS: &str = include_str!("self_test/harmless.yaml");

/// Rows that no lie is told for, and why.
const NOT_OURS: [(u64, &str); 2] = [
    (26, "Y, quiet: see harmless.yaml"),
    (71, "n/a: nothing that is found can be waived"),
];

/// What the self-test found out.
#[derive(Default)]
struct Outcome {
    /// The findings that caught each row's lies.
    caught: BTreeMap<u64, BTreeSet<String>>,
    /// What the check should have seen and did not, or saw and should not have.
    failures: Vec<String>,
}

/// Runs the self-test on this workspace and prints the table.
pub(crate) fn run(evidence: Evidence) -> Result<ExitCode, String> {
    let honest = Case::honest(evidence)?;
    let mut outcome = Outcome::default();
    for alarm in honest.findings() {
        outcome
            .failures
            .push(format!("false alarm: {}", alarm.to_text()));
    }
    let (lies, harmless) = (list(LIES), list(HARMLESS));
    for lie in &lies {
        match tell(&honest, lie) {
            Ok((row, id)) => drop(outcome.caught.entry(row).or_default().insert(id)),
            Err(reason) => outcome.failures.push(format!("{reason}: {lie}")),
        }
    }
    for change in &harmless {
        if let Err(reason) = stay_quiet(&honest, change) {
            outcome
                .failures
                .push(format!("false alarm: {reason}: {change}"));
        }
    }
    let changed = every_line(honest.contract(), &mut outcome);
    every_row_and_id(&mut outcome);
    print!("{}", table(&outcome));
    for failure in &outcome.failures {
        println!("FAILED {failure}");
    }
    let (lies, harmless, failed) = (lies.len(), harmless.len(), outcome.failures.len());
    println!("{lies} lies, {harmless} harmless changes, {changed} changed lines: {failed} failed");
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Makes a harmless change.
fn stay_quiet(honest: &Case, change: &Value) -> Result<(), String> {
    let mut case = honest.clone();
    case.apply(change)?;
    let alarms: String = case.findings().iter().map(Finding::to_text).collect();
    if alarms.is_empty() {
        Ok(())
    } else {
        Err(alarms)
    }
}

/// Tells one lie; its row and the finding that caught it, where it was told.
fn tell(honest: &Case, lie: &Value) -> Result<(u64, String), String> {
    let mut case = honest.clone();
    case.apply(lie)?;
    let id = lie["finding"].as_str().ok_or("no finding is expected")?;
    let findings = case.findings();
    let ours = findings.iter().filter(|finding| finding.id == id);
    let ours: Vec<_> = ours
        .map(|finding| (finding.file.as_str(), finding.line))
        .collect();
    if ours.is_empty() {
        let others: BTreeSet<_> = findings.iter().map(|finding| finding.id).collect();
        return Err(format!("not caught by {id} but by {others:?}"));
    }
    let told = changed_lines(honest.contract(), case.contract());
    let there = |(file, line): &(&str, usize)| *file != CONTRACT || told.contains(line);
    if lie["in"] == "contract" && lie["elsewhere"] != true && !ours.iter().any(there) {
        return Err(format!("{id} is at {ours:?}, the lie at {told:?}"));
    }
    Ok((lie["row"].as_u64().ok_or("no row")?, id.to_owned()))
}

/// Changes one word in each line of the contract; each must be seen, at its line. Answers how many there are.
fn every_line(text: &str, outcome: &mut Outcome) -> usize {
    let released = Document::parse(CONTRACT, text).expect("the honest contract can be read");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut tried = 0;
    for index in 0..lines.len() {
        let line = lines[index].clone();
        let Some(end) = line.rfind(|char: char| char.is_ascii_alphanumeric()) else {
            continue;
        };
        // The version is what all else is judged by; VER-AGREE and SRV-INFO watch it.
        if line.trim_start().starts_with('#') || line.starts_with("  version:") {
            continue;
        }
        tried += 1;
        let other = if line[end..].starts_with('7') {
            "8"
        } else {
            "7"
        };
        lines[index].replace_range(end..=end, other);
        let found = match Document::parse(CONTRACT, &lines.join("\n")) {
            Ok(contract) => {
                let changes = change::changes(&released, &contract);
                changes.iter().any(|change| change.line == index + 1)
            }
            Err(error) => error.line >= index,
        };
        if !found {
            let (line, changed) = (index + 1, &lines[index]);
            outcome
                .failures
                .push(format!("{CONTRACT}:{line} is not found as {changed}"));
        }
        lines[index] = line;
    }
    tried
}

/// Every row is caught, stays quiet or is not ours; every finding there is was provoked.
fn every_row_and_id(outcome: &mut Outcome) {
    let provoked: BTreeSet<_> = outcome.caught.values().flatten().collect();
    let ids = catalogue::ENTRIES.iter().map(|entry| entry.id.to_owned());
    let idle = ids.filter(|id| !provoked.contains(id));
    let idle = idle.map(|id| format!("nothing provokes {id}"));
    let untried = rows()
        .into_iter()
        .filter(|(row, ..)| ours(*row, outcome) == "-");
    let untried = untried.map(|(row, ..)| format!("nothing tries row {row}"));
    let failures: Vec<_> = idle.chain(untried).collect();
    outcome.failures.extend(failures);
}

/// The lines in which `after` differs from `before`.
fn changed_lines(before: &str, after: &str) -> RangeInclusive<usize> {
    let same = |(a, b): &(&str, &str)| a == b;
    let first = before.lines().zip(after.lines()).take_while(same).count() + 1;
    let (before, after) = (before.lines().rev(), after.lines().rev());
    let all = after.clone().count();
    let last = all - before.zip(after).take_while(same).count();
    first..=last.max(first)
}

/// The rows of the table: number, words, the other tools' cells.
fn rows() -> Vec<(u64, &'static str, &'static str)> {
    let read = |line: &'static str| {
        let (row, rest) = line
            .strip_prefix("| ")?
            .strip_suffix(" |")?
            .split_once(" | ")?;
        let (words, others) = rest.split_once(" | ")?;
        Some((row.parse().ok()?, words, others))
    };
    ROWS.lines().filter_map(read).collect()
}

/// Our cell of a row.
fn ours(row: u64, outcome: &Outcome) -> String {
    let not_ours = NOT_OURS.iter().find(|(no, _)| *no == row);
    match (outcome.caught.get(&row), not_ours) {
        (Some(ids), _) => ids.iter().fold("Y".to_owned(), |ids, id| ids + " " + id),
        (None, Some((_, why))) => (*why).to_owned(),
        (None, None) => "-".to_owned(),
    }
}

/// The table with our column.
fn table(outcome: &Outcome) -> String {
    let mut table = String::new();
    for line in ROWS
        .lines()
        .filter(|line| line.starts_with("| #") || line.starts_with("| -"))
    {
        let ours = if line.contains('#') { "ours" } else { "---" };
        let _ = writeln!(table, "{line} {ours} |");
    }
    for (row, words, others) in rows() {
        let _ = writeln!(
            table,
            "| {row} | {words} | {others} | {} |",
            ours(row, outcome)
        );
    }
    table
}

/// A YAML list.
fn list(text: &str) -> Vec<Value> {
    let document = Document::parse("self-test", text).expect("the self-test's tables are YAML");
    document.value.as_array().cloned().unwrap_or_default()
}
