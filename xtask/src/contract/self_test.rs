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

use anyhow::{Result, ensure};
use billing_portal_tests::contract::{
    Document,
    document::CONTRACT,
    tree::{entries, items},
};
use serde_json::Value;

use self::case::Case;
use crate::{
    contract::{
        check::{change, finding::Finding, finding_docs, inputs::Inputs},
        files::parse,
    },
    workspace,
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
    outcome.each("harmless changes", HARMLESS, |row| mutate(&clean, row))?;
    outcome.each("changes with their level", LEVELS, |row| {
        compare_levels(&clean, row)
    })?;
    every_line(&clean, &mut outcome)?;
    every_kind_and_id(&mut outcome)?;
    outcome.print()?;
    Ok(workspace::exit_code(outcome.failures.is_empty()))
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
                    let kind = row["kind"].to_string().replace('"', "");
                    self.detected.entry(kind).or_default().insert(by);
                }
                Err(error) => self.failures.push(format!("{error:#}: {row}")),
            }
        }
        Ok(())
    }

    /// Prints what detects each kind of drift, every failure, and how much was tried.
    fn print(&self) -> Result<()> {
        for (kind, description) in entries(&table(KINDS)?) {
            let by = self.detected.get(kind).into_iter().flatten();
            let by: Vec<_> = by.map(String::as_str).collect();
            let description = description.as_str().unwrap_or_default();
            println!("{kind:4} {description}: {}", by.join(" "));
        }
        for failure in &self.failures {
            println!("FAILED {failure}");
        }
        let tried = self.tried.iter();
        let tried = tried.map(|(what, count)| format!("{count} {what}, "));
        println!(
            "{}{} failed",
            tried.collect::<String>(),
            self.failures.len()
        );
        Ok(())
    }
}

/// Makes a change. What reported it, at its line; a change that means nothing must not be reported.
fn mutate(clean: &Case, row: &Value) -> Result<String> {
    let mut case = clean.clone();
    case.apply(row)?;
    if row["settle"] == true {
        case = case.settled()?;
    }
    let findings = case.findings();
    let Some(id) = row["finding"].as_str() else {
        let alarms: String = findings.iter().map(Finding::to_text).collect();
        ensure!(alarms.is_empty(), "false alarm: {alarms}");
        return Ok("not reported".to_owned());
    };
    let ids: BTreeSet<_> = findings.iter().map(|finding| finding.id).collect();
    ensure!(ids.contains(id), "not reported by {id} but by {ids:?}");
    let changed = changed_lines(clean.contract(), case.contract());
    let mut ours = findings.iter().filter(|finding| finding.id == id);
    let is_there = |one: &Finding| one.file != CONTRACT || changed.contains(&one.line);
    let may_be_elsewhere = row["in"] != "contract" || row["elsewhere"] == true;
    let is_found = may_be_elsewhere || ours.any(is_there);
    ensure!(is_found, "{id} is not at the changed lines {changed:?}");
    Ok(id.to_owned())
}

/// Changes the contract; what it means must be the row's `level`, and on the way back its `back`.
fn compare_levels(clean: &Case, row: &Value) -> Result<String> {
    let mut before = clean.clone();
    row.get("from").map_or(Ok(()), |from| before.apply(from))?;
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
fn every_line(clean: &Case, outcome: &mut Outcome) -> Result<()> {
    let text = clean.contract();
    let released = parse(CONTRACT, text)?;
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        // The version is not compared but decides what a change may be; VER-AGREE and SRV-INFO compare it.
        let is_compared = !line.trim_start().starts_with('#') && !line.starts_with("  version:");
        let last = line.rfind(|char: char| char.is_ascii_alphanumeric());
        let Some(last) = last.filter(|_| is_compared) else {
            continue;
        };
        *outcome.tried.entry("changed lines").or_default() += 1;
        let mut other_line = (*line).to_owned();
        let other = if line[last..].starts_with('7') {
            "8"
        } else {
            "7"
        };
        other_line.replace_range(last..=last, other);
        let text = [&lines[..index], &[&other_line], &lines[index + 1..]].concat();
        let is_found = match Document::parse(CONTRACT, &text.join("\n")) {
            Ok(contract) => {
                let changes = change::changes(&released, &contract);
                changes.iter().any(|change| change.line == index + 1)
            }
            Err(error) => error.line >= index,
        };
        if !is_found {
            let failure = format!("{CONTRACT}:{} is not found as {other_line}", index + 1);
            outcome.failures.push(failure);
        }
    }
    Ok(())
}

/// Every kind of drift is detected or must not be reported; every finding there is was produced.
fn every_kind_and_id(outcome: &mut Outcome) -> Result<()> {
    let Outcome {
        detected, failures, ..
    } = outcome;
    let produced: BTreeSet<_> = detected.values().flatten().map(String::as_str).collect();
    let ids = finding_docs::ENTRIES.iter().map(|entry| entry.id);
    let idle = ids.filter(|id| !produced.contains(id));
    failures.extend(idle.map(|id| format!("nothing produces {id}")));
    let kinds = table(KINDS)?;
    let untried = entries(&kinds).filter(|(kind, _)| !detected.contains_key(*kind));
    failures.extend(untried.map(|(kind, _)| format!("nothing tries kind {kind}")));
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
