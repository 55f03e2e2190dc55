//! What the SDK knows of the operations' documented outcomes, made from the contract's examples: the answers that
//! its fake server gives, and the table of errors in its documentation.

use anyhow::{Context, Result};
use billing_portal_tests::contract::{
    Contract,
    tree::{entries, items},
};
use serde_json::Value;

/// The generator of both files. Its number rises when it writes something else from the same contract.
pub const GENERATOR: &str = "outcomes 3";

/// The beginning of the table of errors.
const HEAD: &str = "\
//! Every error that the service documents, with its status, its message and when it is the answer.
//!
//! | status | code | message | when |
//! | --- | --- | --- | ---";

/// One example of an operation's answers.
struct Outcome<'a> {
    /// The operation's path.
    path: &'a str,
    status: &'a str,
    /// When this is the answer: the response's description.
    when: &'a str,
    /// `error.code`, unless it is a success.
    code: Option<&'a str>,
    message: &'a str,
    headers: Vec<(&'a str, String)>,
    body: &'a Value,
}

/// The source of the fake server's answers.
pub fn table(contract: &Contract) -> Result<String> {
    let rows: String = outcomes(contract)?.iter().map(row).collect();
    let source = format!(
        "use crate::documented::Outcome;\n/// Every example of an answer in the contract.\n\
         pub(crate) const OUTCOMES: &[Outcome] = &[{rows}];"
    );
    Ok(prettyplease::unparse(&syn::parse_file(&source)?))
}

/// The members' debug forms are Rust, too.
fn row(outcome: &Outcome<'_>) -> String {
    let (path, status, code) = (outcome.path, outcome.status, outcome.code);
    let (headers, body) = (&outcome.headers, outcome.body);
    format!(
        "Outcome {{ path: {path:?}, status: {status}, code: {code:?}, headers: &{headers:?}, body: r#\"{body}\"# }},"
    )
}

/// The table of errors, as a module's documentation. Each code links to its case in the SDK, so a code that has none
/// fails the build of the documentation.
pub fn errors(contract: &Contract) -> Result<String> {
    let mut rows = vec![HEAD.to_owned()];
    let mut outside = contract.listed_codes();
    for outcome in outcomes(contract)? {
        // What several operations answer is listed once.
        if let Some(code) = outcome.code.filter(|code| outside.contains(code)) {
            outside.retain(|other| *other != code);
            let (status, message, when) = (outcome.status, outcome.message, outcome.when);
            rows.push(format!("{status} | {} | {message} | {when}", link(code)));
        }
    }
    let elsewhere = "The base URL leads elsewhere than to the operation.";
    rows.extend(
        outside
            .iter()
            .map(|code| format!("| {} | | {elsewhere}", link(code))),
    );
    Ok(rows.join(" |\n//! | ") + " |\n")
}

/// `NO_STRIPE_CUSTOMER` as a link to `ErrorCode::NoStripeCustomer`.
fn link(code: &str) -> String {
    let words = code.split('_').filter_map(|word| word.split_at_checked(1));
    let case: String = words
        .map(|(first, rest)| first.to_owned() + &rest.to_lowercase())
        .collect();
    format!("[`{code}`](crate::ErrorCode::{case})")
}

fn outcomes(contract: &Contract) -> Result<Vec<Outcome<'_>>> {
    let mut outcomes = Vec::new();
    for operation in contract.operations() {
        for (status, response) in entries(&operation.value["responses"]) {
            for (_, example) in entries(&response["content"]["application/json"]["examples"]) {
                outcomes.push(outcome(
                    operation.path,
                    status,
                    response,
                    &example["value"],
                )?);
            }
        }
    }
    Ok(outcomes)
}

fn outcome<'a>(
    path: &'a str,
    status: &'a str,
    response: &'a Value,
    body: &'a Value,
) -> Result<Outcome<'a>> {
    Ok(Outcome {
        path,
        status,
        when: response["description"].as_str().unwrap_or_default(),
        code: body["error"]["code"].as_str(),
        message: body["error"]["message"].as_str().unwrap_or_default(),
        headers: headers(&response["headers"])?,
        body,
    })
}

/// Headers with their values, without those that are optional and have no example: they are absent.
fn headers(documented: &Value) -> Result<Vec<(&str, String)>> {
    let shown = entries(documented)
        .filter(|(_, header)| header["required"] == true || example(header).is_some());
    shown
        .map(|(name, header)| Ok((name, header_value(name, header)?)))
        .collect()
}

/// The example of a header, or its only value.
fn header_value(name: &str, header: &Value) -> Result<String> {
    let only = || items(&header["schema"]["enum"]).next();
    let value = example(header).or_else(only);
    let value = value.with_context(|| format!("the header {name} has no example"))?;
    let text = value.as_str().map(str::to_owned);
    Ok(text.unwrap_or_else(|| value.to_string()))
}

fn example(header: &Value) -> Option<&Value> {
    let first = entries(&header["examples"]).find_map(|(_, example)| example.get("value"));
    header.get("example").or(first)
}
