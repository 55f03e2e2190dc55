//! The reference page of the API, as the service shows it at `/docs/reference`: HTML without scripts, made from the
//! contract. Every error code has an anchor of its name.

mod html;
mod operation;

use anyhow::{Context, Result};
use billing_portal_tests::contract::{
    Contract,
    tree::{entries, strings},
};
use serde_json::{Value, json};

use html::{example, markdown, text};

/// The generator of the page. Its number rises when it writes something else from the same contract.
pub const GENERATOR: &str = "reference 1";

/// The samples of operations, as Rust that the compiler checks.
pub const SAMPLES_GENERATOR: &str = "samples 1";

/// The page.
pub fn page(contract: &Contract) -> Result<String> {
    let info = &contract.resolved["info"];
    let title = text(&info["title"]);
    let version = text(&info["version"]);
    let operations = contract.operations();
    let links = operations.iter().map(|operation| {
        let id = text(&operation.value["operationId"]);
        let summary = text(&operation.value["summary"]);
        format!("<li><a href=\"#{id}\">{summary}</a></li>\n")
    });
    let links = links.collect::<Vec<_>>().concat();
    let sections: Result<String> = operations.iter().map(operation::section).collect();
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} API {version}: reference</title>\n\
         <link rel=\"icon\" type=\"image/png\" href=\"favicon-32x32.png\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the content</a>\n\
         <header>\n<h1>{title} API</h1>\n<p>Version {version}. <a href=\"./\">Try it out</a>, or read the \
         <a href=\"../openapi.yaml\">OpenAPI document</a>.</p>\n</header>\n\
         <nav aria-label=\"Contents\">\n<ul>\n<li><a href=\"#main\">Introduction</a></li>\n{links}\
         <li><a href=\"#errors\">Errors</a></li>\n</ul>\n</nav>\n<main id=\"main\">\n\
         <section aria-label=\"Introduction\">\n{}</section>\n{}{}</main>\n</body>\n</html>\n",
        markdown(&info["description"]),
        sections?,
        errors(contract)?,
    ))
}

const STYLE: &str = include_str!("reference/style.css");

/// Every code of the contract.
fn errors(contract: &Contract) -> Result<String> {
    let help = contract
        .resolved
        .pointer("/components/schemas/ErrorBody/properties/code/x-error-help")
        .context("the error codes have no x-error-help")?;
    let codes = contract.listed_codes();
    let sections: Result<String> = codes
        .iter()
        .map(|code| error(contract, code, help))
        .collect();
    Ok(format!(
        "<section id=\"errors\">\n<h2>Errors</h2>\n<p>Programs decide by <code>error.code</code>. A later version may add \
         codes; handle one that you do not know by its HTTP status.</p>\n{}</section>\n",
        sections?
    ))
}

/// One code: when it is the answer, what to do, and an example.
fn error(contract: &Contract, code: &str, help: &Value) -> Result<String> {
    let todo = help.get(code);
    let todo = todo.with_context(|| format!("x-error-help does not have {code}"))?;
    let mut answers = answers(contract, code);
    if answers.is_empty() {
        answers.push(outside_the_operations(contract, code)?);
    }
    let mut statuses: Vec<_> = answers.iter().map(|one| one.status.as_str()).collect();
    statuses.dedup();
    let when = answers
        .iter()
        .map(|Answer { whose, when, .. }| format!("<dt>{whose}</dt>\n<dd>{when}</dd>\n"));
    let sample = answers.iter().find_map(|one| one.example.clone());
    Ok(format!(
        "<article id=\"{code}\" aria-labelledby=\"{code}-title\">\n<h3 id=\"{code}-title\"><a href=\"#{code}\">{code}</a> \
         <small>{}</small></h3>\n<h4>When</h4>\n<dl>\n{}</dl>\n<h4>What to do</h4>\n{}{}</article>\n",
        statuses.join(", "),
        when.collect::<Vec<_>>().concat(),
        markdown(todo),
        sample.with_context(|| format!("{code} has no example"))?,
    ))
}

/// A response with a code.
struct Answer {
    status: String,
    /// The operation, as a link.
    whose: String,
    when: String,
    example: Option<String>,
}

/// The responses of all operations that may have this code.
fn answers(contract: &Contract, code: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for operation in contract.operations() {
        let id = text(&operation.value["operationId"]);
        for (status, _, response) in operation.responses() {
            if strings(&response["x-error-codes"]).any(|one| one == code) {
                let content = &response["content"]["application/json"];
                let mut examples = entries(&content["examples"]).map(|(_, one)| &one["value"]);
                let of_code = examples.find(|value| value["error"]["code"] == code);
                answers.push(Answer {
                    status: status.to_owned(),
                    whose: format!("<a href=\"#{id}\">{id}</a>"),
                    when: markdown(&response["description"]),
                    example: of_code.map(|value| example(&content["schema"], value)),
                });
            }
        }
    }
    answers
}

/// The id in the examples of the contract.
const REQUEST_ID: &str = "01JTBQH2FZ8K1RXC0WJ4Z9P3VM";

/// The response with a code that no operation has. The introduction names its status and its message.
fn outside_the_operations(contract: &Contract, code: &str) -> Result<Answer> {
    let prose = contract.resolved["info"]["description"].as_str();
    let prose: Vec<&str> = prose.unwrap_or_default().split_whitespace().collect();
    let prose = prose.join(" ");
    let (before, after) = prose
        .split_once(&format!(" `{code}` (`"))
        .with_context(|| format!("info.description does not have {code} with its message"))?;
    let (message, _) = after.split_once('`').unwrap_or_default();
    let error = json!({ "code": code, "message": message, "request_id": REQUEST_ID });
    let envelope = &contract.resolved["components"]["schemas"]["ErrorEnvelope"];
    let value = json!({ "success": false, "error": error });
    Ok(Answer {
        status: before.rsplit(' ').next().unwrap_or_default().to_owned(),
        whose: "No operation".to_owned(),
        when: "The request reaches none.".to_owned(),
        example: Some(example(envelope, &value)),
    })
}

/// The Rust samples of all operations, each in a function of its own.
pub fn rust_samples(contract: &Contract) -> Result<String> {
    let operations = contract.operations();
    let functions: Result<Vec<String>> = operations
        .iter()
        .map(|operation| {
            let name = text(&operation.value["operationId"]);
            let source = operation::sample(operation, "Rust")?;
            Ok(format!(
                "#[expect(dead_code, unused_variables, reason = \"only compiled\")]\n\
                 async fn {name}() -> Result<(), billing_portal_client::Error> {{ {source}\nOk(()) }}\n"
            ))
        })
        .collect();
    let head = "//! The Rust samples of the reference page, which only have to compile.\n";
    let file = syn::parse_file(&functions?.concat()).context("a Rust sample")?;
    Ok(format!("{head}\n{}", prettyplease::unparse(&file)))
}
