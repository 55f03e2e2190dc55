//! The contract alone: is it valid, does it keep this product's rules, and will the SDK's generator take it?
//!
//! Most rules are data, `rules.yaml`; here is what a schema of one node cannot say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use generators::rust_sdk;
use jsonschema::Validator;
use regex::Regex;
use serde_json::Value;

use billing_portal_tests::contract::{
    Document, Operation,
    tree::{child, items, strings, walk},
};

use super::{finding::Findings, finding_docs};

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
        && let Err(error) = rust_sdk::source(contract)
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
    /// The pointers of the nodes that it is about.
    at: Regex,
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
        at: place(&text(&rule["at"])),
        written: rule["written"] == true,
        must: jsonschema::draft7::new(&rule["must"]).expect("each rule is a schema"),
    };
    rules.iter().map(rule).collect()
});

/// `a.*.b`, where `*` stands for any key, `**` for any number of keys, and `!2*` for one that does not begin with 2.
fn place(pattern: &str) -> Regex {
    let keys = pattern.split_terminator('.').map(|key| match key {
        "**" => "(/[^/]+)*".to_owned(),
        key => "/".to_owned() + &key.replace('*', "[^/]*").replace("!2", "[^2]"),
    });
    Regex::new(&format!("^{}$", keys.collect::<String>())).expect("a place of rules.yaml")
}

/// What breaks a rule, in the document as it is written or with its references followed.
fn broken_rules(written: bool, document: &Value, found: &mut Findings<'_>) {
    walk(document, "", &mut |pointer, node| {
        let rules = RULES.iter().filter(|rule| rule.written == written);
        for rule in rules.filter(|rule| rule.at.is_match(pointer)) {
            broken(rule.id, &rule.must, pointer, node, found);
        }
    });
}

/// The scopes that the prose names, in backquotes, are those of `x-required-scopes`.
fn scopes_in_prose(operation: &Operation<'_>, found: &mut Findings<'_>) {
    let scope = Regex::new("`([a-z0-9_-]+:[a-z0-9_-]+)`").expect("a pattern");
    let prose = operation.value["description"].as_str().unwrap_or_default();
    let named = scope
        .captures_iter(prose)
        .map(|named| named.extract::<1>().1[0]);
    let named: BTreeSet<&str> = named.collect();
    let declared: BTreeSet<&str> = strings(&operation.value["x-required-scopes"]).collect();
    if declared != named || declared.is_empty() {
        let pointer = child(&operation.pointer, "x-required-scopes");
        let finding = found.at("DOC-SCOPE-PROSE", &pointer);
        finding.says("x-required-scopes", format!("{declared:?}"));
        finding.says("description", format!("{named:?}"));
    }
}

/// Each tag is declared.
fn tags(operation: &Operation<'_>, found: &mut Findings<'_>) {
    let declared = items(&found.contract.resolved["tags"]);
    let declared: Vec<_> = declared.map(|tag| &tag["name"]).collect();
    let is_declared = |tag: &&Value| declared.contains(tag);
    let place = child(&operation.pointer, "tags");
    for tag in items(&operation.value["tags"]).filter(|tag| !is_declared(tag)) {
        found.at("DOC-TAG", &place).has("contract", Some(tag));
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
