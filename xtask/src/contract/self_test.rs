//! `cargo xtask self-test`: does the check detect what it claims to detect?
//!
//! Each row of `self_test/mutations.yaml` changes the inputs and names the finding that must report it, at the line of
//! the change; `self_test/harmless.yaml` holds changes that mean nothing and must not be reported;
//! `self_test/levels.yaml` holds changes of the contract and what each means to callers, on the way there and on the
//! way back. Besides, every line of the contract is changed in one word, and each change must be found at its line.

mod case;
mod sample;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    process::ExitCode,
};

use anyhow::{Context, Result, bail, ensure};
use billing_portal_tests::contract::{
    Document,
    document::CONTRACT,
    tree::{entries, items},
};
use serde_json::Value;

use self::case::Case;
use crate::contract::{
    check::{change, finding::Finding, finding_docs, inputs::Inputs},
    files::parse,
};

const KINDS: &str = include_str!("self_test/kinds.yaml");
const MUTATIONS: &str = include_str!("self_test/mutations.yaml");
const HARMLESS: &str = include_str!("self_test/harmless.yaml");
const LEVELS: &str = include_str!("self_test/levels.yaml");

/// What the self-test found out.
#[derive(Default)]
struct Outcome {
    /// For each kind of drift, what detected it.
    detected: BTreeMap<String, BTreeSet<String>>,
    /// What the check should have reported and did not, or reported and should not have.
    failures: Vec<String>,
    /// How many rows and lines were tried.
    tried: BTreeMap<&'static str, usize>,
}

/// Runs the self-test on this workspace and prints what detects each kind of drift.
pub(crate) fn run(inputs: Inputs) -> Result<ExitCode> {
    let clean = Case::clean(inputs)?;
    let mut outcome = Outcome::default();
    for finding in clean.findings() {
        let failure = format!("false alarm: {}", finding.to_text());
        outcome.failures.push(failure);
    }
    outcome.each("mutations", MUTATIONS, |row| mutate(&clean, row))?;
    outcome.each("harmless changes", HARMLESS, |row| {
        change_nothing(&clean, row)
    })?;
    outcome.each("changes with their level", LEVELS, |row| {
        judge_level(&clean, row)
    })?;
    every_line(&clean, &mut outcome);
    every_kind_and_id(&mut outcome)?;
    for (kind, description) in entries(&table(KINDS)?) {
        let by = outcome.detected.get(kind);
        let by: Vec<_> = by.into_iter().flatten().map(String::as_str).collect();
        println!(
            "{kind:4} {}: {}",
            description.as_str().unwrap_or_default(),
            by.join(" ")
        );
    }
    for failure in &outcome.failures {
        println!("FAILED {failure}");
    }
    let tried = outcome
        .tried
        .iter()
        .map(|(what, count)| format!("{count} {what}"));
    let tried: Vec<_> = tried.collect();
    println!("{}: {} failed", tried.join(", "), outcome.failures.len());
    Ok(if outcome.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Outcome {
    /// Tries every row of a table; `attempt` answers what detected the row's kind.
    fn each(
        &mut self,
        what: &'static str,
        rows: &str,
        attempt: impl Fn(&Value) -> Result<String>,
    ) -> Result<()> {
        let rows = table(rows)?;
        for row in items(&rows) {
            *self.tried.entry(what).or_default() += 1;
            match attempt(row) {
                Ok(by) => {
                    let kind = row["kind"]
                        .as_str()
                        .map_or_else(|| row["kind"].to_string(), str::to_owned);
                    self.detected.entry(kind).or_default().insert(by);
                }
                Err(error) => self.failures.push(format!("{error:#}: {row}")),
            }
        }
        Ok(())
    }
}

/// Makes a mutation; the finding that reported it, at its line.
fn mutate(clean: &Case, row: &Value) -> Result<String> {
    let mut case = clean.clone();
    case.apply(row)?;
    if row["settle"] == true {
        case = case.settled()?;
    }
    let id = row["finding"].as_str().context("no finding is expected")?;
    let findings = case.findings();
    let ours = findings.iter().filter(|finding| finding.id == id);
    let ours: Vec<_> = ours
        .map(|finding| (finding.file.as_str(), finding.line))
        .collect();
    let others: BTreeSet<_> = findings.iter().map(|finding| finding.id).collect();
    ensure!(!ours.is_empty(), "not reported by {id} but by {others:?}");
    let changed = changed_lines(clean.contract(), case.contract());
    let is_there = |(file, line): &(&str, usize)| *file != CONTRACT || changed.contains(line);
    if row["in"] == "contract" && row["elsewhere"] != true && !ours.iter().any(is_there) {
        bail!("{id} is at {ours:?}, the mutation at {changed:?}");
    }
    Ok(id.to_owned())
}

/// Makes a harmless change.
fn change_nothing(clean: &Case, row: &Value) -> Result<String> {
    let mut case = clean.clone();
    case.apply(row)?;
    if row["settle"] == true {
        case = case.settled()?;
    }
    let alarms: String = case.findings().iter().map(Finding::to_text).collect();
    ensure!(alarms.is_empty(), "false alarm: {alarms}");
    Ok("not reported".to_owned())
}

/// Changes the contract; what it means must be the row's `level`, and on the way back its `back`.
fn judge_level(clean: &Case, row: &Value) -> Result<String> {
    let before = match row.get("from") {
        Some(from) => {
            let mut case = clean.clone();
            case.apply(from)?;
            case
        }
        None => clean.clone(),
    };
    let mut after = before.clone();
    after.apply(row)?;
    let parse = |case: &Case| parse(CONTRACT, case.contract());
    let (before, after) = (parse(&before)?, parse(&after)?);
    for (expected, from, to) in [("level", &before, &after), ("back", &after, &before)] {
        let changes = change::changes(from, to);
        let level = changes.iter().max_by_key(|change| change.level);
        let word = level.map_or("nothing", |change| change.level.word());
        let pointer = level.map_or("", |change| change.difference.pointer.as_str());
        ensure!(row[expected] == word, "{expected} is {word} ({pointer})");
    }
    Ok("levels".to_owned())
}

/// Changes one word in each line of the contract; each change must be found, at its line.
fn every_line(clean: &Case, outcome: &mut Outcome) {
    let text = clean.contract();
    let released =
        Document::parse(CONTRACT, text).expect("the contract without mutation can be read");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for index in 0..lines.len() {
        let line = lines[index].clone();
        let Some(end) = line.rfind(|char: char| char.is_ascii_alphanumeric()) else {
            continue;
        };
        // The version is not compared but decides what a change may be; VER-AGREE and SRV-INFO compare it.
        if line.trim_start().starts_with('#') || line.starts_with("  version:") {
            continue;
        }
        *outcome.tried.entry("changed lines").or_default() += 1;
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
            let failure = format!("{CONTRACT}:{line} is not found as {changed}");
            outcome.failures.push(failure);
        }
        lines[index] = line;
    }
}

/// Every kind of drift is detected or must not be reported; every finding there is was produced.
fn every_kind_and_id(outcome: &mut Outcome) -> Result<()> {
    let produced: BTreeSet<_> = outcome.detected.values().flatten().collect();
    let ids = finding_docs::ENTRIES
        .iter()
        .map(|entry| entry.id.to_owned());
    let idle = ids.filter(|id| !produced.contains(id));
    let idle = idle.map(|id| format!("nothing produces {id}"));
    let kinds = table(KINDS)?;
    let untried = entries(&kinds).filter(|(kind, _)| !outcome.detected.contains_key(*kind));
    let untried = untried.map(|(kind, _)| format!("nothing tries kind {kind}"));
    let failures: Vec<_> = idle.chain(untried).collect();
    outcome.failures.extend(failures);
    Ok(())
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

/// One of the self-test's YAML tables.
fn table(text: &str) -> Result<Value> {
    Ok(parse("self-test", text)?.value)
}
