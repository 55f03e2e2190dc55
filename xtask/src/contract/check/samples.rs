//! Samples in the documentation: every curl command works as documented, and every answer that is shown is one of the
//! contract's examples.

use anyhow::{Context, Result, ensure};
use billing_portal_tests::contract::{
    Contract,
    sample_command::{self, Sample},
    shell,
    tree::walk,
};
use serde_json::Value;

use super::finding::Findings;

/// How much an indented block of code is indented.
const INDENT: usize = 4;

/// Adds everything in the text of `file` that is not as the contract says.
pub(crate) fn check(file: &str, text: &str, found: &mut Findings<'_>) {
    let contract = found.contract;
    for block in blocks(text) {
        if block.language.starts_with("json")
            && block.text.contains("\"success\"")
            && let Err(error) = is_an_example(contract, &block.text)
        {
            let finding = found.in_file("README-ANSWER", file, block.line);
            finding.says("contract", format!("{error:#}"));
        }
        for command in shell::commands(&block.text) {
            let (id, reason) = match sample_command::check(contract, &command) {
                Ok(Sample::Good) => continue,
                Ok(Sample::Unknown(body)) => ("README-UNCHECKED", body),
                Err(error) => ("README-CURL", format!("{error:#}")),
            };
            let finding = found.in_file(id, file, block.line + command.line);
            finding.says("contract", reason);
        }
    }
}

/// A block of code.
struct Block {
    language: String,
    /// The line of its first line of text.
    line: usize,
    text: String,
}

/// The fenced and the indented blocks of a Markdown text.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<String> = None;
    let (mut is_after_blank, mut is_indented) = (true, false);
    for (line, number) in text.lines().zip(1..) {
        let trimmed = line.trim_start();
        let is_code = line.len() - trimmed.len() >= INDENT && !trimmed.is_empty();
        let own_fence = fence_of(trimmed)
            .filter(|_| !(is_code && is_after_blank && fence.is_none() && !is_indented));
        match (&fence, own_fence) {
            (Some(open), Some(close))
                if close.starts_with(open.as_str()) && close == trimmed.trim_end() =>
            {
                fence = None;
            }
            (None, Some(open)) => {
                let language = trimmed[open.len()..].trim().to_owned();
                fence = Some(open);
                is_indented = false;
                open_block(&mut blocks, language, number + 1);
            }
            (Some(_), _) => push_line(&mut blocks, line),
            (None, None) if is_code && (is_after_blank || is_indented) => {
                if !is_indented {
                    open_block(&mut blocks, String::new(), number);
                }
                is_indented = true;
                push_line(&mut blocks, line);
            }
            (None, None) => is_indented &= trimmed.is_empty(),
        }
        is_after_blank = trimmed.is_empty();
    }
    blocks
}

fn open_block(blocks: &mut Vec<Block>, language: String, line: usize) {
    blocks.push(Block {
        language,
        line,
        text: String::new(),
    });
}

fn push_line(blocks: &mut [Block], line: &str) {
    if let Some(block) = blocks.last_mut() {
        block.text.extend([line, "\n"]);
    }
}

/// The backticks or tildes at the beginning of a fence.
fn fence_of(line: &str) -> Option<String> {
    let mark = line
        .chars()
        .next()
        .filter(|char| ['`', '~'].contains(char))?;
    let fence: String = line.chars().take_while(|char| *char == mark).collect();
    let inline = mark == '`' && line[fence.len()..].contains('`');
    (fence.len() >= 3 && !inline).then_some(fence)
}

/// Whether the JSON of an answer is, word for word, one of the contract's examples.
fn is_an_example(contract: &Contract, text: &str) -> Result<()> {
    let answer: Value = serde_json::from_str(text).context("not JSON")?;
    let mut is_shown = false;
    walk(&contract.resolved["paths"], "", &mut |pointer, node| {
        is_shown |= pointer.ends_with("/value") && *node == answer;
    });
    ensure!(is_shown, "no example is such an answer");
    Ok(())
}
