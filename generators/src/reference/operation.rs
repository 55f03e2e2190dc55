//! The section of one operation: what it does, samples, what is sent and what is answered.

use anyhow::{Context, Result};
use billing_portal_tests::contract::{
    Operation,
    tree::{entries, items, strings},
};
use serde_json::Value;

use super::html::{code, escape, example, markdown, table, text};

/// The languages of the samples.
const LANGUAGES: [&str; 3] = ["curl", "Rust", "TypeScript"];

/// The section.
pub(super) fn section(operation: &Operation<'_>) -> Result<String> {
    let value = operation.value;
    let id = text(&value["operationId"]);
    let samples: Result<String> = LANGUAGES
        .iter()
        .map(|language| Ok(code(language, sample(operation, language)?)))
        .collect();
    Ok(format!(
        "<section id=\"{id}\">\n<h2>{}</h2>\n<p><strong><code>{} {}</code></strong></p>\n{}<h3>Samples</h3>\n{}\
         <h3>Request</h3>\n{}<h3>Responses</h3>\n{}</section>\n",
        text(&value["summary"]),
        operation.method.to_uppercase(),
        escape(operation.path),
        markdown(&value["description"]),
        samples?,
        request(operation),
        responses(operation),
    ))
}

/// The sample in this language.
pub(super) fn sample<'a>(operation: &Operation<'a>, language: &str) -> Result<&'a str> {
    let mut samples = items(&operation.value["x-codeSamples"]);
    let sample = samples.find(|sample| sample["lang"] == language);
    let source = sample.and_then(|sample| sample["source"].as_str());
    source.with_context(|| format!("{} has no sample in {language}", operation.path))
}

fn request(operation: &Operation<'_>) -> String {
    let parameters = items(&operation.value["parameters"]).map(|parameter| {
        let name = parameter["name"].as_str().unwrap_or_default();
        (name, parameter, parameter["required"] == true)
    });
    let authorization =
        "<p>With the header <code>Authorization: Bearer</code> and your API key.</p>\n";
    let content = &operation.value["requestBody"]["content"]["application/json"];
    let examples = entries(&content["examples"]).map(|(_, one)| {
        let title = one["summary"].as_str().unwrap_or_default();
        format!(
            "<p>{}:</p>\n{}",
            escape(title),
            example(&content["schema"], &one["value"])
        )
    });
    let examples = examples.collect::<Vec<_>>().concat();
    let (headers, fields) = (
        table("Headers", parameters),
        fields("Fields of the body", &content["schema"]),
    );
    format!("{authorization}{headers}{fields}{examples}")
}

/// The fields of an object.
fn fields(caption: &str, schema: &Value) -> String {
    let is_required = |name: &str| strings(&schema["required"]).any(|one| one == name);
    let fields = entries(&schema["properties"]);
    table(
        caption,
        fields.map(|(name, field)| (name, field, is_required(name))),
    )
}

/// What a success has, and a list of the errors.
fn responses(operation: &Operation<'_>) -> String {
    let (mut successes, mut errors) = (Vec::new(), Vec::new());
    for (status, _, response) in operation.responses() {
        if status.starts_with('2') {
            successes.push(success(status, response));
        }
        let codes = strings(&response["x-error-codes"]);
        errors.extend(codes.map(|code| {
            format!("<li>{status} <a href=\"#{code}\"><code>{code}</code></a></li>\n")
        }));
    }
    let (successes, errors) = (successes.concat(), errors.concat());
    format!("{successes}<h4>Errors</h4>\n<ul class=\"codes\">\n{errors}</ul>\n")
}

fn success(status: &str, response: &Value) -> String {
    let content = &response["content"]["application/json"];
    let headers = entries(&response["headers"]);
    let headers = headers.map(|(name, header)| (name, header, header["required"] == true));
    let examples =
        entries(&content["examples"]).map(|(_, one)| example(&content["schema"], &one["value"]));
    format!(
        "<h4>{status}</h4>\n{}{}{}{}",
        markdown(&response["description"]),
        table("Headers", headers),
        fields(
            "Fields of <code>data</code>",
            &content["schema"]["properties"]["data"],
        ),
        examples.collect::<Vec<_>>().concat(),
    )
}
