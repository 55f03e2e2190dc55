//! The README's samples: every curl would work as documented, every answer shown is one that the contract shows.

use serde_json::Value;

use super::{
    contract::{Contract, walk},
    examples::{matches_schema, secret_in},
    finding::Findings,
};

/// Adds everything in the text of `file` that the contract does not bear out.
pub(crate) fn check(file: &str, text: &str, found: &mut Findings<'_>) {
    for (text, line) in text.lines().zip(1..) {
        if let Some(secret) = secret_in(text) {
            found.in_file("EX-SECRET", file, line).says("file", secret);
        }
    }
    for block in blocks(text) {
        match block.language {
            "sh" | "bash" | "console" => {
                for (line, command) in commands(&block) {
                    if let Err(reason) = curl_holds(found.contract, &command) {
                        found
                            .in_file("README-CURL", file, line)
                            .says("contract", reason);
                    }
                }
            }
            "json" if block.text.contains("\"success\"") => {
                if let Err(reason) = answer_is_shown(found.contract, &block.text) {
                    found
                        .in_file("README-ANSWER", file, block.line)
                        .says("contract", reason);
                }
            }
            _ => {}
        }
    }
}

/// A fenced block.
struct Block<'a> {
    language: &'a str,
    /// The line of its first line of text.
    line: usize,
    text: String,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block {
                    language: language.trim(),
                    line: index + 2,
                    text: String::new(),
                });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Each command that calls the API with curl, lines joined, and its line.
fn commands(block: &Block<'_>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut command = String::new();
    for (index, line) in block.text.lines().enumerate() {
        command += line.trim_end_matches('\\');
        let open_quote = command.matches('\'').count() % 2 == 1;
        if line.ends_with('\\') || open_quote {
            command.push(' ');
            continue;
        }
        let whole = std::mem::take(&mut command);
        if whole.contains("curl ") && whole.contains("/v1/") {
            found.push((block.line + index, whole));
        }
    }
    found
}

/// Whether a curl command is a documented call: method, path, key, content type and a body that is valid.
fn curl_holds(contract: &Contract, command: &str) -> Result<(), String> {
    let words = shlex::split(command).ok_or("quotes that do not close")?;
    let after = |flags: &'static [&str]| {
        words
            .windows(2)
            .filter(move |pair| flags.contains(&pair[0].as_str()))
            .map(|pair| pair[1].as_str())
    };
    let url = words
        .iter()
        .find(|word| word.contains("/v1/"))
        .ok_or("no URL")?;
    let path = &url[url.find("/v1/").unwrap_or_default()..];
    let body = after(&["-d", "--data", "--data-raw", "--json"]).next();
    let method = after(&["-X", "--request"])
        .next()
        .unwrap_or(if body.is_some() { "POST" } else { "GET" });
    let operations = contract.operations();
    let operation = operations
        .iter()
        .find(|one| one.path == path && one.method.eq_ignore_ascii_case(method))
        .ok_or_else(|| format!("{method} {path} is not an operation"))?;
    let headers: Vec<_> = after(&["-H", "--header"]).map(str::to_lowercase).collect();
    if !headers
        .iter()
        .any(|header| header.starts_with("authorization: bearer "))
    {
        return Err("needs `-H 'Authorization: Bearer …'`".to_owned());
    }
    let Some(body) = body else {
        return Err("needs a body".to_owned());
    };
    let is_json = |header: &String| header.starts_with("content-type: application/json");
    if !words.iter().any(|word| word == "--json") && !headers.iter().any(is_json) {
        return Err("needs `-H 'Content-Type: application/json'`".to_owned());
    }
    let body = serde_json::from_str(body).map_err(|error| format!("not JSON: {error}"))?;
    matches_schema(operation.request_schema(), &body).map_err(|mismatch| mismatch.reason)
}

/// Whether the JSON of an answer is, word for word, one of the contract's examples.
fn answer_is_shown(contract: &Contract, text: &str) -> Result<(), String> {
    let answer: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let mut shown = false;
    walk(&contract.resolved["paths"], "", &mut |pointer, node| {
        shown |= pointer.contains("/examples/") && pointer.ends_with("/value") && *node == answer;
    });
    if shown {
        Ok(())
    } else {
        Err("shows no such answer".to_owned())
    }
}
