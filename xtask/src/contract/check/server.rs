//! The contract against what the server declares and against the tables that it really decides by.
//!
//! `billing-portal openapi` prints the document that poem-openapi derives from the code, with three additions taken from
//! the tables used at run time: `x-required-scopes`, `x-error-codes` and, at the root, `x-errors` (code -> status, message).
//! After normalisation both documents must be equal. A difference gets the id of its place; a place that has no id of
//! its own is `SRV-OTHER`, so nothing gets past for want of a name.

use serde_json::Value;

use billing_portal_tests::contract::{
    Contract, Operation,
    difference::{Difference, differences},
    normalise::normalise,
    tree::{child, entries, strings, walk},
};

use super::{finding::Findings, meaning::server_finding};

/// Where the contract lists all codes.
const CODE_LIST: &str = "/components/schemas/ErrorBody/properties/code/x-extensible-enum";

/// Adds everything that the server declares otherwise than the contract.
pub(crate) fn check(declared: &Value, found: &mut Findings<'_>) {
    let contract = found.contract;
    let expected = normalise(&contract.written.value);
    for difference in differences(&expected, &normalise(declared)) {
        let Some(id) = server_finding(&difference).filter(|_| !is_closing(&difference)) else {
            continue;
        };
        let place = item_of(contract, &difference).unwrap_or(difference.pointer.clone());
        let finding = found.at(id, &place);
        match &difference.left {
            // The finding's own pointer is the nearest node that is written, which does not say what is not.
            None => finding.says("contract", format!("nothing at {}", difference.pointer)),
            left => finding.has("contract", left.as_ref()),
        };
        finding.has("server", difference.right.as_ref());
    }
    error_table(declared, found);
    messages(&declared["x-errors"], found);
    found.once_each();
}

/// Whether it is only that unknown fields are refused, which the server cannot declare: see `proved_elsewhere.md`.
fn is_closing(difference: &Difference) -> bool {
    let is_bool = |side: &Option<Value>| side.as_ref().is_none_or(Value::is_boolean);
    difference.place.keyword == "additionalProperties"
        && is_bool(&difference.left)
        && is_bool(&difference.right)
}

/// Where the contract writes the item of a list that the server does not have.
fn item_of(contract: &Contract, difference: &Difference) -> Option<String> {
    let list = contract.written.origin(&difference.pointer);
    let item = difference.left.as_ref()?;
    let items = contract.written.get(&list)?.as_array()?;
    let index = items.iter().position(|one| *one == *item)?;
    Some(child(&list, &index.to_string()))
}

/// The table of errors that the server answers from: codes and statuses.
fn error_table(declared: &Value, found: &mut Findings<'_>) {
    let table = &declared["x-errors"];
    let contract = found.contract;
    let mut listed = contract.listed_codes();
    listed.sort_unstable();
    let used: Vec<_> = entries(table).map(|(code, _)| code).collect();
    if listed != used {
        let finding = found.at("POL-CODE-LIST", CODE_LIST);
        finding
            .says("contract", listed.join(" "))
            .says("server", used.join(" "));
    }
    let has = |node: &Value, code: &str| strings(&node["x-error-codes"]).any(|one| one == code);
    let operations = contract.operations();
    for (code, row) in entries(table) {
        let status = row["status"].to_string();
        let mut responses = operations.iter().flat_map(Operation::responses);
        if let Some((documented, pointer, _)) = responses.find(|(.., node)| has(node, code)) {
            if documented != status {
                let finding = found.at("POL-CODES", &child(&pointer, "x-error-codes"));
                finding
                    .says("contract", format!("{code} is {documented}"))
                    .says("server", status);
            }
            continue;
        }
        let mut is_of_an_operation = false;
        walk(&declared["paths"], "", &mut |_, node| {
            is_of_an_operation |= has(node, code);
        });
        // What the operation lacks is reported as SRV-STATUS.
        if !is_of_an_operation {
            outside_the_operations(code, row, found);
        }
    }
}

/// A code of no operation stands in the description of the API.
fn outside_the_operations(code: &str, row: &Value, found: &mut Findings<'_>) {
    let prose = found.contract.resolved["info"]["description"].as_str();
    let prose: Vec<_> = prose.unwrap_or_default().split_whitespace().collect();
    let message = row["message"].as_str().unwrap_or_default();
    let expected = format!("{} `{code}` (`{message}`)", row["status"]);
    if !prose.join(" ").contains(&expected) {
        let finding = found.at("POL-OUTSIDE", "/info/description");
        finding.says("server", expected);
    }
}

/// Each example's message is the one that the server sends.
fn messages(table: &Value, found: &mut Findings<'_>) {
    let contract = found.contract;
    walk(
        &contract.written.value["paths"],
        "/paths",
        &mut |pointer, node| {
            let (Some(code), Some(message)) = (node["code"].as_str(), node.get("message")) else {
                return;
            };
            let sent = table[code].get("message");
            if Some(message) != sent {
                let finding = found.at("POL-MESSAGE", &child(pointer, "message"));
                finding.has("contract", Some(message)).has("server", sent);
            }
        },
    );
}
