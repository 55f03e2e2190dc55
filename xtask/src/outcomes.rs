//! What the SDK knows of the operation's documented outcomes, made from the contract's examples: the answers that
//! its fake server gives, and the table of errors on its front page.
//!
//! Pure, like `rust_sdk`. The bodies keep the order in which the contract spells their keys.

use saphyr::{Scalar, Yaml};

use crate::contract::{self, key_text};
use crate::rust_sdk::with_header;

/// The answers of the SDK's fake server.
pub(crate) const TABLE_PATH: &str = "client/src/outcomes.rs";

/// The error table that the SDK's documentation includes.
pub(crate) const ERRORS_PATH: &str = "client/src/errors.md";

/// One example of the operation's answers.
struct Outcome {
    status: String,
    /// The response's description: when this is the answer.
    when: String,
    /// `error.code`, unless it is a success.
    code: Option<String>,
    message: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// The Rust source of the table of outcomes.
pub(crate) fn table(contract: &str, document: &Yaml<'_>) -> Result<String, String> {
    let rows: Vec<String> = outcomes(document)?.iter().map(row).collect();
    let body = format!(
        "use crate::documented::Outcome;\n\n\
         /// Every example of an answer in the contract, in its order.\n\
         pub(crate) const OUTCOMES: &[Outcome] = &[\n{}];\n",
        rows.concat(),
    );
    Ok(with_header(contract, "//", &body))
}

fn row(outcome: &Outcome) -> String {
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
        "    Outcome {{\n        status: {status},\n        code: {code:?},\n        headers: &[\n{}        ],\n        body: r#\"{body}\"#,\n    }},\n",
        headers.concat(),
    )
}

/// The Markdown table of errors. Each code links to its case in the SDK, so a code without one fails the build of
/// the documentation.
pub(crate) fn errors(contract: &str, document: &Yaml<'_>) -> Result<String, String> {
    let mut rows = vec!["| status | code | message | when |\n| --- | --- | --- | --- |".to_owned()];
    let outcomes = outcomes(document)?;
    for Outcome {
        status,
        when,
        code,
        message,
        ..
    } in &outcomes
    {
        if let Some(code) = code {
            rows.push(format!(
                "| {status} | {} | {message} | {when} |",
                link(code)
            ));
        }
    }
    for code in codes(document)? {
        if !outcomes
            .iter()
            .any(|outcome| outcome.code.as_ref() == Some(&code))
        {
            rows.push(format!(
                "| | {} | | Outside the operation: the base URL is not the service's. |",
                link(&code)
            ));
        }
    }
    let file = with_header(contract, "", &(rows.join("\n") + "\n"));
    let (header, table) = file
        .split_once("\n\n")
        .expect("a blank line ends the header");
    Ok(format!(
        "<!--\n{}\n-->\n\n{table}",
        header.replace("\n ", "\n").trim_start()
    ))
}

/// `NO_STRIPE_CUSTOMER` as a link to `ErrorCode::NoStripeCustomer`.
fn link(code: &str) -> String {
    let variant: String = code
        .split('_')
        .map(|word| word[..1].to_owned() + &word[1..].to_lowercase())
        .collect();
    format!("[`{code}`](crate::ErrorCode::{variant})")
}

fn codes(document: &Yaml<'_>) -> Result<Vec<String>, String> {
    let list = find(
        document,
        &[
            "components",
            "schemas",
            "ErrorBody",
            "properties",
            "code",
            "x-extensible-enum",
        ],
    )?;
    list.as_vec().into_iter().flatten().map(key_text).collect()
}

fn outcomes(document: &Yaml<'_>) -> Result<Vec<Outcome>, String> {
    let responses = find(
        document,
        &["paths", "/v1/billing/portal", "post", "responses"],
    )?;
    let mut outcomes = Vec::new();
    for (status, response) in entries(responses) {
        let headers = headers(document, response)?;
        let when = text(find(response, &["description"])?);
        let examples = find(response, &["content", "application/json", "examples"])?;
        for (name, example) in entries(examples) {
            let value = find(example, &["value"])
                .map_err(|problem| format!("example {}: {problem}", text(name)))?;
            let error = value.as_mapping_get("error");
            let member = |name| error.and_then(|error| error.as_mapping_get(name)).map(text);
            outcomes.push(Outcome {
                status: text(status),
                when: when.clone(),
                code: member("code"),
                message: member("message").unwrap_or_default(),
                headers: headers.clone(),
                body: json(value)?,
            });
        }
    }
    Ok(outcomes)
}

/// The response's headers, each with its example or its only value.
fn headers(document: &Yaml<'_>, response: &Yaml<'_>) -> Result<Vec<(String, String)>, String> {
    let mut headers = Vec::new();
    for (name, header) in response
        .as_mapping_get("headers")
        .into_iter()
        .flat_map(entries)
    {
        let header = resolve(document, header)?;
        let only = || find(header, &["schema", "enum"]).ok()?.as_vec()?.first();
        let value = header.as_mapping_get("example").or_else(only);
        let value = value.ok_or_else(|| {
            format!(
                "{}: the header {} has no example",
                contract::PATH,
                text(name)
            )
        })?;
        headers.push((text(name), text(value)));
    }
    Ok(headers)
}

/// Follows a `$ref` into this document.
fn resolve<'a>(document: &'a Yaml<'a>, node: &'a Yaml<'a>) -> Result<&'a Yaml<'a>, String> {
    match node.as_mapping_get("$ref").and_then(Yaml::as_str) {
        Some(pointer) => find(
            document,
            &pointer
                .trim_start_matches("#/")
                .split('/')
                .collect::<Vec<_>>(),
        ),
        None => Ok(node),
    }
}

fn find<'a>(node: &'a Yaml<'a>, path: &[&str]) -> Result<&'a Yaml<'a>, String> {
    path.iter().try_fold(node, |node, key| {
        node.as_mapping_get(key)
            .ok_or_else(|| format!("{}: nothing at /{}", contract::PATH, path.join("/")))
    })
}

fn entries<'a>(node: &'a Yaml<'a>) -> impl Iterator<Item = (&'a Yaml<'a>, &'a Yaml<'a>)> {
    node.as_mapping().into_iter().flatten()
}

/// A scalar's text, as a header or a cell of a table shows it.
fn text(node: &Yaml<'_>) -> String {
    match node {
        Yaml::Value(Scalar::String(text)) => text.to_string(),
        Yaml::Value(Scalar::Integer(number)) => number.to_string(),
        Yaml::Value(Scalar::Boolean(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

/// Compact JSON in the order of the contract.
fn json(node: &Yaml<'_>) -> Result<String, String> {
    let Some(entries) = node.as_mapping() else {
        return Ok(contract::to_json(node)?.to_string());
    };
    let members: Result<Vec<_>, String> = entries
        .iter()
        .map(|(key, value)| Ok(format!("{}:{}", contract::to_json(key)?, json(value)?)))
        .collect();
    Ok(format!("{{{}}}", members?.join(",")))
}
