//! The contract, read once, and the check of an exchange against it.

use std::sync::OnceLock;

use billing_portal_tests::contract::document::{CONTRACT, Document};
use billing_portal_tests::contract::{Contract, recorded_exchange};
use serde_json::Value;

/// The contract's text, as committed.
pub(crate) const TEXT: &str = include_str!("../../../../openapi/billing-portal.yaml");

/// The contract, as its readers understand it.
pub(crate) fn contract() -> &'static Contract {
    static READ: OnceLock<Contract> = OnceLock::new();
    READ.get_or_init(|| {
        Contract::new(Document::parse(CONTRACT, TEXT).expect("the contract is YAML"))
    })
}

/// The contract as JSON, as it is written.
pub(crate) fn document() -> &'static Value {
    &contract().written.value
}

/// The id of the operation with this path, with or without a query; of the one that opens a portal if no other has it.
pub(crate) fn operation_of(path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default();
    let operations = contract().operations();
    let found = operations.iter().find(|operation| operation.path == path);
    let id = found.and_then(|operation| operation.value["operationId"].as_str());
    id.unwrap_or("create_portal_session")
}

/// The operation that opens a portal.
pub(crate) fn operation() -> &'static Value {
    &contract().resolved["paths"]["/v1/billing/portal"]["post"]
}

/// What is wrong with an exchange.
pub(crate) fn problems(exchange: &Value) -> Vec<String> {
    let problems = recorded_exchange::problems(contract(), exchange);
    let problems = problems.into_iter();
    problems
        .map(|problem| format!("{} {} ({})", problem.id, problem.seen, problem.pointer))
        .collect()
}
