//! `cargo xtask self-test`: does the check see what it claims to see?
//!
//! It is fed evidence that lies. Each row of `self_test/mutations.yaml` is one lie and the finding that must catch it,
//! at the line where the lie is told; `self_test/harmless.yaml` holds changes that mean nothing and must stay quiet.
//! Besides, every line of the contract is changed in one word, and each must be found at its line. The table of all
//! kinds of drift (`self_test/rows.md`) is printed with our column filled.

mod evidence;
mod sample;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    process::ExitCode,
};

use serde_json::Value;

use self::evidence::Case;
use crate::{
    check::{catalogue, change, evidence::Evidence, finding::Finding},
    document::{CONTRACT, Document},
};

const ROWS: &str = include_str!("self_test/rows.md");
const MUTATIONS: &str = include_str!("self_test/mutations.yaml");
const HARMLESS: &str = include_str!("self_test/harmless.yaml");

/// Rows that do not apply to this product, and why.
const NOT_OURS: [(u64, &str); 1] = [(
    71,
    "there are no waivers: nothing that is found can be waved through",
)];

/// Rows that must stay quiet.
const QUIET: [u64; 1] = [26];

/// What the self-test found out.
pub(crate) struct Outcome {
    /// The findings that caught each row's lies.
    caught: BTreeMap<u64, BTreeSet<String>>,
    lies: usize,
    harmless: usize,
    lines: usize,
    /// What the check should have seen and did not, or saw and should not have.
    failures: Vec<String>,
}

/// Runs the self-test on this workspace and prints the table.
pub(crate) fn run(evidence: Evidence) -> Result<ExitCode, String> {
    let outcome = try_all(&Case::honest(evidence)?);
    print!("{}", table(&outcome));
    let Outcome {
        lies,
        harmless,
        lines,
        failures,
        ..
    } = outcome;
    for failure in &failures {
        println!("FAILED {failure}");
    }
    println!(
        "{lies} lies, {harmless} harmless changes, {lines} changed lines: {} failed",
        failures.len()
    );
    Ok(if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Tells each lie, makes each harmless change, changes each line.
pub(crate) fn try_all(honest: &Case) -> Outcome {
    let (mutations, harmless) = (list(MUTATIONS), list(HARMLESS));
    let mut outcome = Outcome {
        caught: BTreeMap::new(),
        lies: mutations.len(),
        harmless: harmless.len(),
        lines: 0,
        failures: honest
            .findings()
            .iter()
            .map(|finding| format!("false alarm: {}", finding.to_text()))
            .collect(),
    };
    for mutation in &mutations {
        match tell(honest, mutation) {
            Ok((row, id)) => drop(outcome.caught.entry(row).or_default().insert(id)),
            Err(reason) => outcome.failures.push(format!("{reason}: {mutation}")),
        }
    }
    for change in &harmless {
        let mut case = honest.clone();
        let applied = case.apply(change);
        let alarms = case
            .findings()
            .iter()
            .map(Finding::to_text)
            .collect::<Vec<_>>();
        if applied.is_err() || !alarms.is_empty() {
            outcome.failures.push(format!(
                "false alarm {applied:?} {}: {change}",
                alarms.join("\n")
            ));
        }
    }
    every_line(honest, &mut outcome);
    every_row_and_id(&mut outcome);
    outcome
}

/// Tells one lie; its row and the finding that caught it.
fn tell(honest: &Case, mutation: &Value) -> Result<(u64, String), String> {
    let mut case = honest.clone();
    case.apply(mutation)?;
    let id = mutation["finding"]
        .as_str()
        .ok_or("no finding is expected")?;
    let findings = case.findings();
    let ours: Vec<&Finding> = findings.iter().filter(|finding| finding.id == id).collect();
    if ours.is_empty() {
        let others: BTreeSet<_> = findings.iter().map(|finding| finding.id).collect();
        return Err(format!("not caught by {id} but by {others:?}"));
    }
    let (first, last) = changed_lines(honest.contract(), case.contract());
    let there =
        |finding: &&Finding| finding.file != CONTRACT || (first..=last).contains(&finding.line);
    if mutation["in"] == "contract" && mutation["elsewhere"] != true && !ours.iter().any(there) {
        return Err(format!(
            "{id} names line {}, the change is at {first} to {last}",
            ours[0].line
        ));
    }
    Ok((mutation["row"].as_u64().ok_or("no row")?, id.to_owned()))
}

/// Changes one word in each line of the contract; each must be seen, at its line.
fn every_line(honest: &Case, outcome: &mut Outcome) {
    let text = honest.contract();
    let released = Document::parse(CONTRACT, text).expect("the honest contract can be read");
    for (index, line) in text.lines().enumerate() {
        let meaning = line.trim_start();
        let Some(end) = line.rfind(|char: char| char.is_ascii_alphanumeric()) else {
            continue;
        };
        // The version is what all else is judged by; VER-AGREE and SRV-INFO watch it.
        if meaning.starts_with('#') || meaning.starts_with("version:") {
            continue;
        }
        outcome.lines += 1;
        let other = if line.as_bytes()[end] == b'7' {
            "8"
        } else {
            "7"
        };
        let changed = format!("{}{other}{}", &line[..end], &line[end + 1..]);
        let lines: Vec<_> = text
            .lines()
            .enumerate()
            .map(|(at, line)| if at == index { &changed } else { line })
            .collect();
        let found = match Document::parse(CONTRACT, &lines.join("\n")) {
            Ok(contract) => change::changes(&released, &contract)
                .iter()
                .any(|change| change.line == index + 1),
            Err(error) => error.line >= index,
        };
        if !found {
            outcome.failures.push(format!(
                "a change at {CONTRACT}:{} is not found there: {changed}",
                index + 1
            ));
        }
    }
}

/// Every row is caught, stays quiet or is not ours; every finding there is was provoked.
fn every_row_and_id(outcome: &mut Outcome) {
    let provoked: BTreeSet<_> = outcome.caught.values().flatten().cloned().collect();
    for entry in catalogue::ENTRIES
        .iter()
        .filter(|entry| !provoked.contains(entry.id))
    {
        outcome
            .failures
            .push(format!("nothing provokes {}", entry.id));
    }
    for (row, ..) in rows() {
        if !outcome.caught.contains_key(&row)
            && !QUIET.contains(&row)
            && !NOT_OURS.iter().any(|(no, _)| *no == row)
        {
            outcome.failures.push(format!("nothing tries row {row}"));
        }
    }
}

/// The first and last line in which two texts differ, in the second.
fn changed_lines(before: &str, after: &str) -> (usize, usize) {
    let same = |(a, b): &(&str, &str)| a == b;
    let first = before.lines().zip(after.lines()).take_while(same).count() + 1;
    let tail = before
        .lines()
        .rev()
        .zip(after.lines().rev())
        .take_while(same)
        .count();
    (first, (after.lines().count() - tail).max(first))
}

/// The rows of the table: number, words, the other tools' cells.
fn rows() -> Vec<(u64, &'static str, &'static str)> {
    let cells = ROWS.lines().filter_map(|line| {
        line.strip_prefix("| ")?
            .strip_suffix(" |")?
            .split_once(" | ")
    });
    cells
        .filter_map(|(number, rest)| {
            let (words, others) = rest.split_once(" | ")?;
            Some((number.parse().ok()?, words, others))
        })
        .collect()
}

/// The table with our column.
fn table(outcome: &Outcome) -> String {
    let mut table =
        "| # | drift or mistake | DAM | oasdiff | ST | Spec | c.io | P/S | ours |\n".to_owned();
    table += "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (row, words, others) in rows() {
        let ours = match outcome.caught.get(&row) {
            Some(ids) => format!("Y {}", ids.iter().cloned().collect::<Vec<_>>().join(" ")),
            None if QUIET.contains(&row) => "Y quiet".to_owned(),
            None => NOT_OURS
                .iter()
                .find(|(no, _)| *no == row)
                .map_or("-".to_owned(), |(_, why)| format!("n/a: {why}")),
        };
        let _ = writeln!(table, "| {row} | {words} | {others} | {ours} |");
    }
    table
}

/// A YAML list.
fn list(text: &str) -> Vec<Value> {
    let document = Document::parse("self-test", text).expect("the self-test's tables are YAML");
    document.value.as_array().cloned().unwrap_or_default()
}
