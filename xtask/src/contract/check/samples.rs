//! Samples in the documentation: every curl command works as documented, and every answer that is shown is one of the
//! contract's examples.

use anyhow::{Context, Result, ensure};
use billing_portal_tests::contract::{
    Contract,
    sample_command::{self, Sample},
    shell,
    tree::walk,
};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use serde_json::Value;

use super::finding::Findings;

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
#[derive(Default)]
struct Block {
    language: String,
    /// The line of its first line of text.
    line: usize,
    text: String,
}

/// The fenced and the indented blocks of a Markdown text.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_inside = false;
    for (event, place) in Parser::new(text).into_offset_iter() {
        match (event, blocks.last_mut()) {
            (Event::Start(Tag::CodeBlock(kind)), _) => {
                is_inside = true;
                let mut block = Block::default();
                if let CodeBlockKind::Fenced(language) = kind {
                    block.language = language.into_string();
                }
                blocks.push(block);
            }
            (Event::Text(part), Some(block)) if is_inside => {
                if block.text.is_empty() {
                    block.line = text[..place.start].lines().count() + 1;
                }
                block.text += &part;
            }
            (Event::End(TagEnd::CodeBlock), _) => is_inside = false,
            _ => {}
        }
    }
    blocks
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
