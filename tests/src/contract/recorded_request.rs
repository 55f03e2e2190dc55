//! The request of a recorded exchange: whether it may have the status that it got, and whether the SDK may send it.

use serde_json::Value;

use super::{
    kind::Direction,
    operations::Operation,
    resolve::parameter_key,
    schema::{Mismatch, UnknownFields, matches_schema},
    tree::{entries, items, media_type},
};

/// Headers that a client may send although the contract does not name them.
const CLIENT_HEADERS: [&str; 7] = [
    "authorization",
    "accept",
    "accept-encoding",
    "user-agent",
    "host",
    "content-length",
    "content-type",
];

/// The id of a finding, and what was seen.
type Problem = (&'static str, String);

/// What is wrong with an exchange because of its request. Nothing, if the test did not record it.
pub(super) fn problems(operation: &Operation<'_>, exchange: &Value) -> Vec<Problem> {
    let request = &exchange["request"];
    if !request["body"].is_string() {
        return Vec::new();
    }
    let mut problems = status(operation, exchange);
    if exchange["client"] == "sdk" {
        problems.extend(sent_by_the_sdk(operation, request));
    }
    problems
}

/// Whether the request may have this status.
fn status(operation: &Operation<'_>, exchange: &Value) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let request = &exchange["request"];
    let status = exchange["status"].as_u64().unwrap_or_default();
    let header = |name: &str| request["headers"][name].as_str().unwrap_or_default();
    if header("authorization").is_empty() && ![401, 429, 500, 503].contains(&status) {
        problems.push(("LIVE-AUTH", "no key was sent".to_owned()));
    }
    let body = body(operation, request);
    let headers = header_parameters(operation, &request["headers"]);
    // What an operation does not read may be anything.
    let is_read = operation.value["requestBody"].is_object();
    let is_json = !is_read || media_type(header("content-type")) == "application/json";
    let is_plain = is_json && header("content-encoding").is_empty();
    let is_documented = headers.is_ok() && body.is_ok();
    match status {
        200..300 if !is_json => {
            problems.push(("LIVE-ACCEPTED", header("content-type").to_owned()));
        }
        200..300 => {
            let mismatches = [headers, body].into_iter().filter_map(Result::err);
            problems.extend(mismatches.map(|mismatch| ("LIVE-ACCEPTED", mismatch.reason)));
        }
        400 | 415 if is_plain && is_documented => {
            problems.push(("LIVE-REFUSED", "the request is as documented".to_owned()));
        }
        _ => {}
    }
    problems
}

/// Whether the request's headers are as the operation's parameters say.
fn header_parameters(operation: &Operation<'_>, headers: &Value) -> Result<(), Mismatch> {
    let parameters = items(&operation.value["parameters"]);
    for parameter in parameters.filter(|parameter| parameter["in"] == "header") {
        let name = parameter["name"].as_str().unwrap_or_default();
        if let Some(value) = headers.get(name.to_lowercase()) {
            sent(&parameter["schema"], value)?;
        }
    }
    Ok(())
}

/// The SDK sends what is documented and nothing else.
fn sent_by_the_sdk(operation: &Operation<'_>, request: &Value) -> Vec<Problem> {
    let mismatch = body(operation, request).err();
    let known = |name: &&str| {
        let mut parameters = items(&operation.value["parameters"]);
        let is_it = |one: &Value| parameter_key(one) == format!("header {name}");
        CLIENT_HEADERS.contains(name) || parameters.any(is_it)
    };
    let names = entries(&request["headers"]).map(|(name, _)| name);
    let unknown = names.filter(|name| !known(name)).map(str::to_owned);
    let seen = mismatch.map(|mismatch| mismatch.reason);
    let seen = seen.into_iter().chain(unknown);
    seen.map(|seen| ("LIVE-REQUEST", seen)).collect()
}

/// Whether the body is as the operation documents it. One that is not read may be anything.
fn body(operation: &Operation<'_>, request: &Value) -> Result<(), Mismatch> {
    if operation.value["requestBody"].is_object() {
        sent(operation.request_schema(), &parsed(request))
    } else {
        Ok(())
    }
}

fn sent(schema: &Value, value: &Value) -> Result<(), Mismatch> {
    matches_schema(
        schema,
        value,
        Some(Direction::Sent),
        UnknownFields::AsDocumented,
    )
}

/// A message's body as JSON; null where it is none.
pub(super) fn parsed(message: &Value) -> Value {
    serde_json::from_str(message["body"].as_str().unwrap_or_default()).unwrap_or_default()
}
