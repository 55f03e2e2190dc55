//! `cargo xtask coverage`: what the tests saw the server do, held to the contract.
//!
//! Each test that speaks HTTP appends what it saw to `conformance/coverage.jsonl` below cargo's target folder, one JSON
//! object a line: `operation` (the operationId; absent for what is routed to none), `status`, `code`, `headers` (names)
//! and, where the test could tell, `client` ("sdk" if the SDK sent it), `request` (`headers`, `body`) and `response`
//! (`headers`, `body`). Nothing that is documented may be missing from the record, nothing in it may be undocumented.

use std::{collections::BTreeSet, fs, process::ExitCode};

use serde_json::Value;

use crate::{
    check::{
        contract::{Contract, entries, strings},
        finding::{Finding, Findings},
        report,
    },
    document::{CONTRACT, Document, child},
    exchange, workspace,
};

/// Where the tests record what they see, below cargo's target folder.
const RECORD: &str = "conformance/coverage.jsonl";

/// Judges the record and prints what it found.
pub(crate) fn run(format: report::Format) -> Result<ExitCode, String> {
    let text = workspace::read(&workspace::root(), CONTRACT)?;
    let document = Document::parse(CONTRACT, &text)
        .map_err(|error| format!("{CONTRACT}:{}: {}", error.line, error.reason))?;
    let record = fs::read_to_string(workspace::target().join(RECORD)).unwrap_or_default();
    let exchanges = record
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Value>, _>>();
    let exchanges = exchanges.map_err(|error| format!("{RECORD}: {error}"))?;
    let findings = findings(&Contract::new(document), &exchanges);
    let clean = format!(
        "{} exchanges: all that is documented was seen, and nothing else.",
        exchanges.len()
    );
    Ok(report::report(&findings, format, &clean))
}

/// Forgets what earlier runs of the tests recorded, so that what no test produces any more is missed.
pub(crate) fn forget() {
    // There may be nothing to forget.
    let _ = fs::remove_file(workspace::target().join(RECORD));
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
        let before = found.list.len();
        exchange::judge(exchange, &mut request_ids, &mut found);
        for finding in &mut found.list[before..] {
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
        for (status, pointer, response) in operation.responses() {
            let is_it = |one: &&Value| {
                one["operation"] == operation.value["operationId"]
                    && one["status"].as_u64() == status.parse().ok()
            };
            let seen: Vec<_> = exchanges.iter().filter(is_it).collect();
            expect(!seen.is_empty(), &pointer, status);
            for code in strings(&response["x-error-codes"]) {
                outside.retain(|other| *other != code);
                let seen = seen.iter().any(|one| one["code"] == code);
                expect(seen, &child(&pointer, "x-error-codes"), code);
            }
            for (header, _) in entries(&response["headers"]) {
                let same = |name: &str| name.eq_ignore_ascii_case(header);
                let seen = seen.iter().any(|one| strings(&one["headers"]).any(same));
                expect(seen, &child(&child(&pointer, "headers"), header), header);
            }
        }
    }
    for code in outside {
        let seen = exchanges.iter().any(|one| one["code"] == code);
        expect(seen, "/info/description", code);
    }
}
