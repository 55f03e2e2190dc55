//! The contract alone: is it valid, does it keep this product's rules, and will the SDK's generator take it?
//!
//! Most rules are data, `rules.yaml`; here is what a schema of one node cannot say.

use std::{collections::BTreeMap, sync::LazyLock};

use jsonschema::Validator;
use regex::Regex;
use serde_json::Value;

use super::{
    contract::{Contract, Operation, strings, walk},
    finding::Finding,
};
use crate::{
    document::{Document, child, segments},
    rust_sdk,
};

/// Everything that is wrong with the contract by itself.
pub(crate) fn check(contract: &Contract) -> Vec<Finding> {
    let mut findings = valid_openapi(contract);
    findings.extend(broken_rules(contract, true));
    findings.extend(broken_rules(contract, false));
    walk(&contract.resolved, "", &mut |pointer, node| {
        if node.get("$ref").is_some() {
            findings.push(Finding::in_contract(
                "DOC-REF",
                contract,
                &child(pointer, "$ref"),
            ));
        }
    });
    let operations = contract.operations();
    findings.extend(
        operations
            .iter()
            .filter_map(|operation| scopes_in_prose(contract, operation)),
    );
    findings.extend(
        operations
            .iter()
            .filter_map(|operation| undeclared_tag(contract, operation)),
    );
    findings.extend(codes(contract, &operations));
    // One place of the file may be reached on many ways.
    findings.sort_by(|a, b| (a.id, &a.pointer).cmp(&(b.id, &b.pointer)));
    findings.dedup_by(|a, b| (a.id, &a.pointer) == (b.id, &b.pointer));
    if findings.is_empty()
        && let Err(reason) = rust_sdk::source(&contract.written.value)
    {
        findings.push(Finding::in_contract("PG-REFUSED", contract, "").says("progenitor", reason));
    }
    findings
}

fn valid_openapi(contract: &Contract) -> Vec<Finding> {
    // The OpenAPI initiative's own schema of 3.0 documents, Apache-2.0; it refuses keywords that 3.0 does not have.
    static OPENAPI: LazyLock<Validator> = LazyLock::new(|| {
        let schema = include_str!("openapi-3.0.schema.json");
        let schema = serde_json::from_str(schema).expect("the vendored schema is JSON");
        jsonschema::draft4::new(&schema).expect("the vendored schema is a schema")
    });
    broken(
        "DOC-OPENAPI",
        contract,
        &OPENAPI,
        "",
        &contract.written.value,
    )
}

/// A finding for each way in which `node` is not what `schema` asks for.
fn broken(
    id: &'static str,
    contract: &Contract,
    schema: &Validator,
    pointer: &str,
    node: &Value,
) -> Vec<Finding> {
    let errors = schema.iter_errors(node);
    errors
        .map(|error| {
            let reason: String = error
                .masked_with("this")
                .to_string()
                .chars()
                .take(160)
                .collect();
            let place = format!("{pointer}{}", error.instance_path());
            Finding::in_contract(id, contract, &place).says("rule", reason)
        })
        .collect()
}

/// A row of `rules.yaml`.
struct Rule {
    id: &'static str,
    at: Vec<String>,
    written: bool,
    must: Validator,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules =
        Document::parse("rules.yaml", include_str!("rules.yaml")).expect("the rules are YAML");
    let rules = rules.value.as_array().cloned().unwrap_or_default();
    let rule = |rule: &Value| Rule {
        id: super::catalogue::entry(rule["id"].as_str().unwrap_or_default()).id,
        at: rule["at"]
            .as_str()
            .map(|at| at.split_terminator('.').map(str::to_owned).collect())
            .unwrap_or_default(),
        written: rule["written"] == true,
        must: jsonschema::draft7::new(&rule["must"]).expect("each rule is a schema"),
    };
    rules.iter().map(rule).collect()
});

/// What breaks a rule, in the document as it is written or with its references followed.
fn broken_rules(contract: &Contract, written: bool) -> Vec<Finding> {
    let document = if written {
        &contract.written.value
    } else {
        &contract.resolved
    };
    let rules: Vec<_> = RULES
        .iter()
        .filter(|rule| rule.written == written)
        .collect();
    let mut findings = Vec::new();
    walk(document, "", &mut |pointer, node| {
        let keys = segments(pointer);
        for rule in rules.iter().filter(|rule| is_at(&rule.at, &keys)) {
            findings.extend(broken(rule.id, contract, &rule.must, pointer, node));
        }
    });
    findings
}

fn is_at(pattern: &[String], keys: &[String]) -> bool {
    let same =
        |pattern: &str, key: &str| match (pattern.strip_prefix('!'), pattern.strip_suffix('*')) {
            (Some(not), _) => !key.starts_with(not.trim_end_matches('*')),
            (None, Some(beginning)) => key.starts_with(beginning),
            (None, None) => pattern == key,
        };
    match (pattern, keys) {
        ([], keys) => keys.is_empty(),
        ([any, rest @ ..], keys) if any == "**" => {
            (0..=keys.len()).any(|skipped| is_at(rest, &keys[skipped..]))
        }
        ([first, rest @ ..], [key, keys @ ..]) => same(first, key) && is_at(rest, keys),
        _ => false,
    }
}

/// The scopes that the prose names, in backquotes, are those of `x-required-scopes`.
fn scopes_in_prose(contract: &Contract, operation: &Operation<'_>) -> Option<Finding> {
    let mut declared: Vec<_> = strings(&operation.value["x-required-scopes"]).collect();
    let prose = operation.value["description"].as_str().unwrap_or_default();
    let scope = Regex::new("`([a-z0-9_-]+:[a-z0-9_-]+)`").expect("a pattern");
    let mut told: Vec<_> = scope
        .captures_iter(prose)
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .collect();
    for scopes in [&mut declared, &mut told] {
        scopes.sort_unstable();
        scopes.dedup();
    }
    let finding = Finding::in_contract(
        "DOC-SCOPE-PROSE",
        contract,
        &child(&operation.pointer, "x-required-scopes"),
    );
    let finding = finding
        .says("x-required-scopes", declared.join(" "))
        .says("description", told.join(" "));
    (declared != told || declared.is_empty()).then_some(finding)
}

fn undeclared_tag(contract: &Contract, operation: &Operation<'_>) -> Option<Finding> {
    let tags = contract.resolved["tags"].as_array();
    let is_declared =
        |tag: &str| tags.is_some_and(|tags| tags.iter().any(|one| one["name"] == tag));
    let tag = strings(&operation.value["tags"]).find(|tag| !is_declared(tag))?;
    Some(
        Finding::in_contract("DOC-TAG", contract, &child(&operation.pointer, "tags"))
            .says("contract", tag),
    )
}

/// Each code is listed and means one status, so that a caller may decide on either.
fn codes(contract: &Contract, operations: &[Operation<'_>]) -> Vec<Finding> {
    let listed = contract.listed_codes();
    let mut statuses: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for (status, pointer, response) in operations.iter().flat_map(Operation::responses) {
        for code in strings(&response["x-error-codes"]) {
            let first = statuses.entry(code).or_insert(status);
            if *first != status || !listed.contains(&code) {
                let finding =
                    Finding::in_contract("DOC-CODES", contract, &child(&pointer, "x-error-codes"));
                let listed = if listed.contains(&code) {
                    "listed"
                } else {
                    "not in x-extensible-enum"
                };
                findings.push(finding.says(
                    "contract",
                    format!("{code}: {listed}, of {first} and {status}"),
                ));
            }
        }
    }
    findings
}
