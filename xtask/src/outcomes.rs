//! What the SDK knows of the operation's documented outcomes, made from the contract's examples: the answers that
//! its fake server gives, and the table of errors in its documentation.

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
pub(crate) fn table(contract: &Value) -> Result<String, String> {
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
pub(crate) fn errors(contract: &Value) -> Result<String, String> {
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

fn outcomes(contract: &Value) -> Result<Vec<Outcome<'_>>, String> {
    let responses = node(contract, "/paths/~1v1~1billing~1portal/post/responses")?;
    let mut outcomes = Vec::new();
    for (status, response) in entries(responses) {
        let content = node(response, "/content/application~1json")?;
        let headers = headers(contract, response)?;
        for (_, example) in content.get("examples").into_iter().flat_map(entries) {
            let value = node(example, "/value")?;
            outcomes.push(Outcome {
                status,
                when: response["description"].as_str().unwrap_or_default(),
                code: value["error"]["code"].as_str(),
                message: value["error"]["message"].as_str().unwrap_or_default(),
                headers: headers.clone(),
                body: json(contract, &content["schema"], value),
            });
        }
    }
    Ok(outcomes)
}

/// The response's headers, each with its example or its only value.
fn headers<'a>(contract: &'a Value, response: &'a Value) -> Result<Vec<(&'a str, String)>, String> {
    let headers = response.get("headers").into_iter().flat_map(entries);
    let with_value = headers.map(|(name, header)| {
        let header = resolve(contract, header);
        let value = header
            .get("example")
            .or_else(|| header.pointer("/schema/enum/0"));
        Ok((
            name,
            text(value.ok_or_else(|| format!("the header {name} has no example"))?),
        ))
    });
    with_value.collect()
}

/// Compact JSON whose keys come in the order in which the schema requires them, as the service writes them; what is
/// optional comes last.
fn json(contract: &Value, schema: &Value, value: &Value) -> String {
    let schema = resolve(contract, schema);
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
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
                json(contract, &schema["properties"][key], value)
            )
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Follows a `$ref` into the contract.
fn resolve<'a>(contract: &'a Value, node: &'a Value) -> &'a Value {
    let target = node["$ref"]
        .as_str()
        .and_then(|reference| contract.pointer(reference.trim_start_matches('#')));
    target.unwrap_or(node)
}

fn node<'a>(parent: &'a Value, pointer: &str) -> Result<&'a Value, String> {
    parent
        .pointer(pointer)
        .ok_or_else(|| format!("the contract has nothing at {pointer}"))
}

fn entries(node: &Value) -> impl Iterator<Item = (&str, &Value)> {
    node.as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

/// A scalar as a header or a cell of a table shows it.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
