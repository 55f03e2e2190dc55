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
    let contract = found.contract;
    for block in blocks(text) {
        let mut report = |id, line, held: Result<(), String>| {
            if let Err(reason) = held {
                found.in_file(id, file, line).says("contract", reason);
            }
        };
        if block.language == "json" && block.text.contains("\"success\"") {
            report(
                "README-ANSWER",
                block.line,
                answer_is_shown(contract, &block.text),
            );
        }
        for (line, command) in commands(&block) {
            report("README-CURL", line, curl_holds(contract, &command));
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
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut inside = false;
    for (text, line) in text.lines().zip(1..) {
        match (text.trim_start().strip_prefix("```"), blocks.last_mut()) {
            (Some(language), _) => {
                inside = !inside;
                if inside {
                    let (line, text) = (line + 1, String::new());
                    blocks.push(Block {
                        language,
                        line,
                        text,
                    });
                }
            }
            (None, Some(block)) if inside => block.text.extend([text, "\n"]),
            _ => {}
        }
    }
    blocks
}

/// Each command that calls the API with curl, lines joined, and its last line.
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
        let pairs = words
            .windows(2)
            .filter(|pair| flags.contains(&pair[0].as_str()));
        pairs.map(|pair| pair[1].as_str())
    };
    let (_, path) = words
        .iter()
        .find_map(|word| word.split_once("/v1/"))
        .ok_or("no URL")?;
    let body = after(&["-d", "--data", "--data-raw", "--json"]).next();
    let default = if body.is_some() { "POST" } else { "GET" };
    let method = after(&["-X", "--request"])
        .next()
        .unwrap_or(default)
        .to_lowercase();
    let operations = contract.operations();
    let mut same = operations
        .iter()
        .filter(|one| one.path.strip_prefix("/v1/") == Some(path));
    let operation = same.find(|one| one.method == method);
    let operation = operation.ok_or_else(|| format!("{method} /v1/{path} is not an operation"))?;

    let mut headers: Vec<_> = after(&["-H", "--header"]).map(str::to_lowercase).collect();
    if words.iter().any(|word| word == "--json") {
        headers.push("content-type: application/json".to_owned());
    }
    for needed in ["authorization: bearer ", "content-type: application/json"] {
        if !headers.iter().any(|header| header.starts_with(needed)) {
            return Err(format!("needs the header `{needed}`"));
        }
    }
    let body = serde_json::from_str(body.unwrap_or_default());
    let body = body.map_err(|error| format!("the body is not JSON: {error}"))?;
    matches_schema(operation.request_schema(), &body).map_err(|mismatch| mismatch.reason)
}

/// Whether the JSON of an answer is, word for word, one of the contract's examples.
fn answer_is_shown(contract: &Contract, text: &str) -> Result<(), String> {
    let answer: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let mut shown = Err("shows no such answer".to_owned());
    walk(&contract.resolved["paths"], "", &mut |pointer, node| {
        if pointer.ends_with("/value") && *node == answer {
            shown = Ok(());
        }
    });
    shown
}
