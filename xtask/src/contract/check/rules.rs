//! The contract alone: is it valid, does it keep this product's rules, and will the SDK's generator take it?
//!
//! Most rules are data, `rules.yaml`; here is what a schema of one node cannot say.

use std::{collections::BTreeMap, sync::LazyLock};

use jsonschema::Validator;
use regex::Regex;
use serde_json::Value;

use billing_portal_tests::contract::{
    Document, Operation,
    tree::{child, items, segments, strings, walk},
};

use super::{finding::Findings, finding_docs};
use crate::contract::gen_rust_sdk;

/// Everything that is wrong with the contract by itself.
pub(crate) fn check(found: &mut Findings<'_>) {
    let contract = found.contract;
    broken("DOC-OPENAPI", &OPENAPI, "", &contract.written.value, found);
    broken_rules(true, &contract.written.value, found);
    broken_rules(false, &contract.resolved, found);
    let operations = contract.operations();
    for operation in &operations {
        scopes_in_prose(operation, found);
        tags(operation, found);
    }
    codes(&operations, found);
    found.once_each();
    if found.list.is_empty()
        && let Err(error) = gen_rust_sdk::source(&contract.written.value)
    {
        found
            .at("PG-REFUSED", "")
            .says("progenitor", format!("{error:#}"));
    }
}

/// The OpenAPI initiative's own schema of 3.0 documents, Apache-2.0; it refuses keywords that 3.0 does not have.
static OPENAPI: LazyLock<Validator> = LazyLock::new(|| {
    let schema = include_str!("openapi-3.0.schema.json");
    let schema = serde_json::from_str(schema).expect("the vendored schema is JSON");
    jsonschema::draft4::new(&schema).expect("the vendored schema is a schema")
});

/// A finding for each way in which `node` is not what `schema` asks for.
fn broken(
    id: &'static str,
    schema: &Validator,
    pointer: &str,
    node: &Value,
    found: &mut Findings<'_>,
) {
    for error in schema.iter_errors(node) {
        let place = format!("{pointer}{}", error.instance_path());
        let reason = error.masked_with("this").to_string();
        let reason: String = reason.chars().take(160).collect();
        found.at(id, &place).says("rule", reason);
    }
}

/// A row of `rules.yaml`.
struct Rule {
    id: &'static str,
    at: Vec<String>,
    written: bool,
    must: Validator,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules = include_str!("rules.yaml");
    let rules = Document::parse("rules.yaml", rules).expect("the rules are YAML");
    let rules = rules.value.as_array().expect("the rules are a list");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let rule = |rule: &Value| Rule {
        id: finding_docs::entry(&text(&rule["id"])).id,
        at: text(&rule["at"])
            .split_terminator('.')
            .map(str::to_owned)
            .collect(),
        written: rule["written"] == true,
        must: jsonschema::draft7::new(&rule["must"]).expect("each rule is a schema"),
    };
    rules.iter().map(rule).collect()
});

/// What breaks a rule, in the document as it is written or with its references followed.
fn broken_rules(written: bool, document: &Value, found: &mut Findings<'_>) {
    walk(document, "", &mut |pointer, node| {
        let keys = segments(pointer);
        for rule in RULES.iter().filter(|rule| rule.written == written) {
            if is_at(&rule.at, &keys) {
                broken(rule.id, &rule.must, pointer, node, found);
            }
        }
    });
}

fn is_at(pattern: &[String], keys: &[String]) -> bool {
    let same = |pattern: &str, key: &str| {
        let beginning = pattern.trim_start_matches('!').strip_suffix('*');
        let begins = beginning.map_or(pattern == key, |beginning| key.starts_with(beginning));
        begins != pattern.starts_with('!')
    };
    match (pattern, keys) {
        ([], keys) => keys.is_empty(),
        ([any, rest @ ..], _) if any == "**" => {
            (0..=keys.len()).any(|skipped| is_at(rest, &keys[skipped..]))
        }
        ([first, rest @ ..], [key, keys @ ..]) => same(first, key) && is_at(rest, keys),
        _ => false,
    }
}

/// The scopes that the prose names, in backquotes, are those of `x-required-scopes`.
fn scopes_in_prose(operation: &Operation<'_>, found: &mut Findings<'_>) {
    let scope = Regex::new("`([a-z0-9_-]+:[a-z0-9_-]+)`").expect("a pattern");
    let prose = operation.value["description"].as_str().unwrap_or_default();
    let named = scope
        .captures_iter(prose)
        .filter_map(|named| Some(named.get(1)?.as_str()));
    let named = sorted(named);
    let declared = sorted(strings(&operation.value["x-required-scopes"]));
    if declared != named || declared.is_empty() {
        let pointer = child(&operation.pointer, "x-required-scopes");
        let finding = found.at("DOC-SCOPE-PROSE", &pointer);
        finding.says("x-required-scopes", declared.join(" "));
        finding.says("description", named.join(" "));
    }
}

fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut sorted: Vec<_> = texts.collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// Each tag is declared.
fn tags(operation: &Operation<'_>, found: &mut Findings<'_>) {
    let declared: Vec<_> = items(&found.contract.resolved["tags"])
        .map(|tag| &tag["name"])
        .collect();
    for tag in
        strings(&operation.value["tags"]).filter(|tag| !declared.iter().any(|one| one == tag))
    {
        found
            .at("DOC-TAG", &child(&operation.pointer, "tags"))
            .says("contract", tag);
    }
}

/// Each code is listed and means one status, so that a caller may decide on either.
fn codes(operations: &[Operation<'_>], found: &mut Findings<'_>) {
    let listed = found.contract.listed_codes();
    let mut statuses: BTreeMap<&str, &str> = BTreeMap::new();
    for (status, pointer, response) in operations.iter().flat_map(Operation::responses) {
        for code in strings(&response["x-error-codes"]) {
            let first = statuses.entry(code).or_insert(status);
            if *first != status || !listed.contains(&code) {
                let finding = found.at("DOC-CODES", &child(&pointer, "x-error-codes"));
                finding.says("contract", format!("{code} is of {first} and {status}"));
                finding.says("x-extensible-enum", listed.join(" "));
            }
        }
    }
}
