//! What the SDK knows of the operation's documented outcomes, made from the contract's examples: the answers that
//! its fake server gives, and the table of errors in its documentation.

use anyhow::{Context, Result};
use billing_portal_tests::contract::tree::{entries, strings};
use serde_json::Value;

/// The generator of both files. Its number rises when it writes something else from the same contract.
pub(crate) const GENERATOR: &str = "outcomes 1";

/// One example of the operation's answers.
struct Outcome<'a> {
    status: &'a str,
    /// The response's description: when this is the answer.
    when: &'a str,
    /// `error.code`, unless it is a success.
    code: Option<&'a str>,
    message: &'a str,
    headers: Vec<(&'a str, String)>,
    body: String,
}

/// The source of the fake server's answers.
pub(crate) fn table(contract: &Value) -> Result<String> {
    let rows: Vec<String> = outcomes(contract)?.iter().map(row).collect();
    Ok(format!(
        "use crate::documented::Outcome;\n\n\
         /// Every example of an answer in the contract.\n\
         pub(crate) const OUTCOMES: &[Outcome] = &[\n{}];\n",
        rows.concat(),
    ))
}

fn row(outcome: &Outcome<'_>) -> String {
    let Outcome {
        status,
        code,
        headers,
        body,
        ..
    } = outcome;
    let headers: Vec<String> = headers
        .iter()
        .map(|header| format!("            {header:?},\n"))
        .collect();
    format!(
        "    Outcome {{\n        status: {status},\n        code: {code:?},\n        headers: &[\n{}        ],\n        \
         body: r#\"{body}\"#,\n    }},\n",
        headers.concat(),
    )
}

/// The table of errors, as a module's documentation. Each code links to its case in the SDK, so a code that has none
/// fails the build of the documentation.
pub(crate) fn errors(contract: &Value) -> Result<String> {
    let mut lines = vec![
        "//! Every error that the service documents, with its status, its message and when it is the answer.".to_owned(),
        "//!".to_owned(),
        "//! | status | code | message | when |".to_owned(),
        "//! | --- | --- | --- | --- |".to_owned(),
    ];
    let outcomes = outcomes(contract)?;
    for Outcome {
        status,
        when,
        code,
        message,
        ..
    } in &outcomes
    {
        if let Some(code) = code {
            lines.push(format!(
                "//! | {status} | {} | {message} | {when} |",
                link(code)
            ));
        }
    }
    let codes = node(
        contract,
        "/components/schemas/ErrorBody/properties/code/x-extensible-enum",
    )?;
    for code in codes.as_array().into_iter().flatten().map(text) {
        if !outcomes.iter().any(|outcome| outcome.code == Some(&*code)) {
            lines.push(format!(
                "//! | | {} | | The base URL leads elsewhere than to the operation. |",
                link(&code)
            ));
        }
    }
    Ok(lines.join("\n") + "\n")
}

/// `NO_STRIPE_CUSTOMER` as a link to `ErrorCode::NoStripeCustomer`.
fn link(code: &str) -> String {
    let mut case = String::new();
    for word in code.split('_') {
        case += word.get(..1).unwrap_or_default();
        case += &word.get(1..).unwrap_or_default().to_lowercase();
    }
    format!("[`{code}`](crate::ErrorCode::{case})")
}

fn outcomes(contract: &Value) -> Result<Vec<Outcome<'_>>> {
    let responses = node(contract, "/paths/~1v1~1billing~1portal/post/responses")?;
    let mut outcomes = Vec::new();
    for (status, response) in entries(responses) {
        let content = node(response, "/content/application~1json")?;
        let headers = headers(response)?;
        for (_, example) in entries(&content["examples"]) {
            let value = node(example, "/value")?;
            outcomes.push(Outcome {
                status,
                when: response["description"].as_str().unwrap_or_default(),
                code: value["error"]["code"].as_str(),
                message: value["error"]["message"].as_str().unwrap_or_default(),
                headers: headers.clone(),
                body: json(&content["schema"], value),
            });
        }
    }
    Ok(outcomes)
}

/// The response's headers, each with its example or its only value.
fn headers(response: &Value) -> Result<Vec<(&str, String)>> {
    let with_value = entries(&response["headers"]).map(|(name, header)| {
        let examples = entries(&header["examples"]).find_map(|(_, example)| example.get("value"));
        let value = header.get("example").or(examples);
        let value = value.or_else(|| header.pointer("/schema/enum/0"));
        let value = value.with_context(|| format!("the header {name} has no example"))?;
        Ok((name, text(value)))
    });
    with_value.collect()
}

/// Compact JSON whose keys come in the order in which the schema requires them, as the service writes them; what is
/// optional comes last.
fn json(schema: &Value, value: &Value) -> String {
    let required: Vec<&str> = strings(&schema["required"]).collect();
    let mut members: Vec<_> = match value {
        Value::Object(members) => members.iter().collect(),
        other => return other.to_string(),
    };
    members.sort_by_key(|(key, _)| {
        required
            .iter()
            .position(|name| name == key)
            .unwrap_or(required.len())
    });
    let members: Vec<String> = members
        .into_iter()
        .map(|(key, value)| {
            format!(
                "{}:{}",
                Value::from(key.as_str()),
                json(&schema["properties"][key], value)
            )
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

fn node<'a>(parent: &'a Value, pointer: &str) -> Result<&'a Value> {
    let node = parent.pointer(pointer);
    node.with_context(|| format!("the contract has nothing at {pointer}"))
}

/// A scalar as a header or a cell of a table shows it.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
