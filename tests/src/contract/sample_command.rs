//! A sample of a command in the documentation: whether a curl command calls the service as documented.

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::{
    curl::{Body, Curl},
    kind::Direction,
    operations::{Contract, Operation},
    schema::{UnknownFields, matches_schema},
    shell::ShellCommand,
    tree::{entries, items, media_type, segments},
};

/// Paths that the service answers without being operations of the contract.
const OTHER_PATHS: [&str; 8] = [
    "/docs",
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/openapi.yaml",
    "/operations.json",
    "/readyz",
    "/webhooks/stripe",
];

/// What is known of a sample.
pub enum Sample {
    /// It is as documented, or none of this service's.
    Good,
    /// Its body cannot be checked; this is where it comes from.
    Unknown(String),
}

/// Checks a command: a call of curl must be as documented, any other command is good.
pub fn check(contract: &Contract, command: &ShellCommand) -> Result<Sample> {
    let unknown = match Curl::read(command) {
        Some(curl) => check_curl(contract, &curl?)?,
        None => None,
    };
    Ok(unknown.map_or(Sample::Good, Sample::Unknown))
}

/// Whether each of the command's URLs is called as documented; answers what of it cannot be checked.
fn check_curl(contract: &Contract, curl: &Curl) -> Result<Option<String>> {
    let mut unknown = None;
    for path in curl.urls.iter().filter_map(|url| own_path(url)) {
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        if OTHER_PATHS
            .iter()
            .any(|other| path.trim_end_matches('/').starts_with(other))
            || path == "/"
        {
            continue;
        }
        let method = &curl.method;
        let operations = contract.operations();
        let operation = operations
            .iter()
            .find(|one| one.method == *method && fits(one.path, path));
        let operation =
            operation.with_context(|| format!("{method} {path} is not an operation"))?;
        check_headers(operation, curl, query)?;
        unknown = unknown.or(check_body(operation, curl)?);
    }
    Ok(unknown)
}

/// The path and query of a URL of this service: of `example.com`, a loopback address or a placeholder.
fn own_path(url: &str) -> Option<String> {
    let without_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = without_scheme
        .split_once('/')
        .unwrap_or((without_scheme, ""));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let name = if host.starts_with('[') {
        host
    } else {
        host.split(':').next().unwrap_or(host)
    };
    let name = name.trim_end_matches('.').to_lowercase();
    let is_placeholder = authority.contains(['$', '<', '{', '…', '_'])
        || authority.chars().any(|char| char.is_ascii_uppercase());
    let is_loopback = name == "localhost"
        || name.ends_with(".localhost")
        || name.starts_with("127.")
        || name.starts_with("[::1]");
    let is_example = name == "example.com" || name.ends_with(".example.com");
    (is_placeholder || is_loopback || is_example).then(|| format!("/{path}"))
}

/// Whether a path is that of a template such as `/v1/things/{id}`.
fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (segments(template), segments(path));
    let same = |(template, part): (&String, &String)| {
        template == part || template.starts_with('{') && !part.is_empty()
    };
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

fn check_headers(operation: &Operation<'_>, curl: &Curl, query: &str) -> Result<()> {
    let is_open = |security: &Value| *security == json!({});
    let security = &operation.value["security"];
    if items(security).next().is_some() && !items(security).any(is_open) {
        let key = curl
            .header("authorization")
            .unwrap_or_default()
            .to_lowercase();
        let bearer = key.strip_prefix("bearer ").map(str::trim);
        ensure!(
            bearer.is_some_and(|key| !key.is_empty()),
            "needs the header `Authorization: Bearer KEY`"
        );
    }
    let parameters = || items(&operation.value["parameters"]);
    for name in query
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .filter(|name| !name.is_empty())
    {
        let is_known = parameters().any(|one| one["in"] == "query" && one["name"] == name);
        ensure!(is_known, "has no query parameter `{name}`");
    }
    for parameter in parameters().filter(|one| one["required"] == true && one["in"] == "header") {
        let name = parameter["name"].as_str().unwrap_or_default();
        ensure!(
            curl.header(&name.to_lowercase()).is_some(),
            "needs the header `{name}`"
        );
    }
    Ok(())
}

/// Whether the body is as documented; answers what of it cannot be checked.
fn check_body(operation: &Operation<'_>, curl: &Curl) -> Result<Option<String>> {
    let documented = &operation.value["requestBody"];
    if documented.is_null() {
        ensure!(curl.body == Body::Absent, "has no body");
        return Ok(None);
    }
    if curl.body == Body::Absent {
        ensure!(documented["required"] != true, "needs a body");
        return Ok(None);
    }
    let content_type = media_type(curl.header("content-type").unwrap_or_default());
    let mut media = entries(&documented["content"]);
    let media = media.find(|(name, _)| media_type(name) == content_type);
    let (_, media) = media.with_context(|| {
        let mut names = entries(&documented["content"]).map(|(name, _)| name);
        format!(
            "needs the header `Content-Type: {}`",
            names.next().unwrap_or_default()
        )
    })?;
    let text = match &curl.body {
        Body::Text(text) => text,
        Body::Unknown(what) => return Ok(Some(what.clone())),
        Body::Absent => return Ok(None),
    };
    let body = serde_json::from_str(text).context("the body is not JSON")?;
    let held = matches_schema(
        &media["schema"],
        &body,
        Some(Direction::Sent),
        UnknownFields::AsDocumented,
    );
    held.map_err(|mismatch| anyhow!(mismatch.reason))?;
    Ok(None)
}
