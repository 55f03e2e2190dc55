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
        contract::{Contract, Operation, entries, strings},
        finding::Finding,
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
    if exchanges.is_empty() {
        return vec![Finding::in_file("META-RECORD", RECORD, 1)];
    }
    let mut findings = unseen(contract, exchanges);
    let mut request_ids = BTreeSet::new();
    for (index, exchange) in exchanges.iter().enumerate() {
        let seen = exchange::judge(contract, exchange, &mut request_ids);
        findings.extend(
            seen.into_iter()
                .map(|finding| finding.says("record", format!("{RECORD}:{}", index + 1))),
        );
    }
    // One wrong answer may be recorded a thousand times.
    findings.sort_by(|a, b| (a.id, &a.pointer, &a.sides[0]).cmp(&(b.id, &b.pointer, &b.sides[0])));
    findings.dedup_by(|a, b| (a.id, &a.pointer, &a.sides[0]) == (b.id, &b.pointer, &b.sides[0]));
    findings
}

/// What is documented and was never seen: statuses, codes, headers, and codes of no operation.
fn unseen(contract: &Contract, exchanges: &[Value]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |pointer: &str, what: String| {
        findings
            .push(Finding::in_contract("LIVE-UNSEEN", contract, pointer).says("never seen", what));
    };
    let operations = contract.operations();
    let mut of_operations = BTreeSet::new();
    for operation in &operations {
        for (status, pointer, response) in operation.responses() {
            let seen: Vec<_> = exchanges
                .iter()
                .filter(|one| {
                    one["operation"] == operation.value["operationId"]
                        && one["status"]
                            .as_u64()
                            .map(|status| status.to_string())
                            .as_deref()
                            == Some(status)
                })
                .collect();
            if seen.is_empty() {
                report(&pointer, format!("status {status}"));
                continue;
            }
            for code in strings(&response["x-error-codes"]) {
                if !seen.iter().any(|one| one["code"] == code) {
                    report(
                        &child(&pointer, "x-error-codes"),
                        format!("{status} {code}"),
                    );
                }
            }
            for (header, _) in entries(&response["headers"]) {
                let has = |one: &&Value| {
                    strings(&one["headers"]).any(|name| name.eq_ignore_ascii_case(header))
                };
                if !seen.iter().any(has) {
                    report(
                        &child(&child(&pointer, "headers"), header),
                        format!("{status} with {header}"),
                    );
                }
            }
        }
        of_operations.extend(
            operation
                .responses()
                .flat_map(|(_, _, response)| strings(&response["x-error-codes"])),
        );
    }
    for code in contract
        .listed_codes()
        .into_iter()
        .filter(|code| !of_operations.contains(code))
    {
        if !exchanges.iter().any(|one| one["code"] == code) {
            report("/info/description", code.to_owned());
        }
    }
    findings
}

/// The operation of this id.
pub(crate) fn operation_of<'a>(
    operations: &'a [Operation<'a>],
    id: &Value,
) -> Option<&'a Operation<'a>> {
    operations
        .iter()
        .find(|operation| operation.value["operationId"] == *id)
}
