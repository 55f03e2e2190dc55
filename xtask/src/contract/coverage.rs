//! `cargo xtask coverage`: what the tests saw the server do, held to the contract.
//!
//! Each test that speaks HTTP appends what it saw to `tests/coverage.jsonl` below cargo's target folder, one
//! exchange of [`recorded_exchange`] a line. Everything that is documented must be in the record, and nothing else.

use std::{collections::BTreeSet, fs, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use billing_portal_tests::contract::{
    Contract, recorded_exchange,
    tree::{child, entries, strings},
};
use serde_json::Value;

use super::{
    check::{
        accepted::{self, ACCEPTED, Now},
        finding::{Finding, Findings},
        inputs::today,
        report,
    },
    files::{read, read_contract},
};
use crate::{commands::Format, workspace};

/// Where the tests record what they see, below cargo's target folder.
const RECORD: &str = "tests/coverage.jsonl";

/// Compares the record with the contract and prints the findings.
pub(crate) fn run(root: &Path, format: Format) -> Result<ExitCode> {
    let contract = Contract::new(read_contract(root)?);
    let record = fs::read_to_string(workspace::target()?.join(RECORD)).unwrap_or_default();
    let exchanges = record.lines().map(serde_json::from_str);
    let exchanges = exchanges
        .collect::<Result<Vec<Value>, _>>()
        .context(RECORD)?;
    let mut findings = findings(&contract, &exchanges);
    let now = Now {
        version: contract.version(),
        today: &today()?,
    };
    let list = read(root, ACCEPTED).ok();
    let is_ours = |id: &str| id.starts_with("LIVE-");
    accepted::apply(list.as_ref(), &now, &mut findings, is_ours);
    let clean = format!(
        "{} exchanges: all that is documented was seen, and nothing else.",
        exchanges.len()
    );
    Ok(report::report(&findings, format, &clean))
}

/// Everything in which the recorded exchanges and the contract disagree.
pub(crate) fn findings(contract: &Contract, exchanges: &[Value]) -> Vec<Finding> {
    let mut found = Findings::about(contract);
    if exchanges.is_empty() {
        found.in_file("META-RECORD", RECORD, 1);
        return found.list;
    }
    unseen(exchanges, &mut found);
    let mut request_ids = BTreeSet::new();
    for (exchange, line) in exchanges.iter().zip(1..) {
        let mut problems = recorded_exchange::problems(contract, exchange);
        let id = exchange["response"]["headers"]["x-request-id"].as_str();
        if id.is_some_and(|id| !request_ids.insert(id)) {
            problems.push(recorded_exchange::Problem {
                id: "LIVE-REQUEST-ID",
                pointer: "/paths".to_owned(),
                seen: format!("{}: an id that was seen before", exchange["status"]),
            });
        }
        for problem in problems {
            let finding = found.at(problem.id, &problem.pointer);
            finding.says("seen", problem.seen);
            finding.says("record", format!("{RECORD}:{line}"));
        }
    }
    // One wrong answer may be recorded a thousand times.
    found.list.sort();
    found
        .list
        .dedup_by(|a, b| (a.id, &a.pointer, &a.sides[0]) == (b.id, &b.pointer, &b.sides[0]));
    found.list
}

/// What is documented and was never seen: statuses, codes, headers, and codes of no operation.
fn unseen(exchanges: &[Value], found: &mut Findings<'_>) {
    let contract = found.contract;
    let mut expect = |seen: bool, pointer: &str, what: &str| {
        if !seen {
            found.at("LIVE-UNSEEN", pointer).says("never seen", what);
        }
    };
    let mut outside = contract.listed_codes();
    for operation in contract.operations() {
        let id = &operation.value["operationId"];
        let of_operation: Vec<_> = exchanges
            .iter()
            .filter(|one| one["operation"] == *id)
            .collect();
        for (status, pointer, response) in operation.responses() {
            let number = status.parse::<u64>().ok();
            let seen = of_operation.iter();
            let seen = seen.filter(|one| one["status"].as_u64() == number);
            expect(seen.clone().count() > 0, &pointer, status);
            for code in strings(&response["x-error-codes"]) {
                outside.retain(|other| *other != code);
                let is_seen = seen.clone().any(|one| one["code"] == code);
                expect(is_seen, &child(&pointer, "x-error-codes"), code);
            }
            for (header, _) in entries(&response["headers"]) {
                let mut names = seen.clone().flat_map(|one| strings(&one["headers"]));
                let is_seen = names.any(|name| name.eq_ignore_ascii_case(header));
                expect(is_seen, &child(&child(&pointer, "headers"), header), header);
            }
        }
    }
    for code in outside {
        let seen = exchanges.iter().any(|one| one["code"] == code);
        expect(seen, "/info/description", code);
    }
}
