//! `cargo xtask changes`: everything that changed since the last release, with what it means to callers, whether or not
//! anything is wrong.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use billing_portal_tests::contract::document::CONTRACT;
use semver::Version;
use serde_json::{Value, json};

use super::{
    check::{
        change::{Change, changes},
        finding::shown,
        history,
        inputs::Inputs,
    },
    files::read_contract,
};
use crate::commands::ChangesFormat;

/// Prints the changes.
pub(crate) fn run(root: &Path, format: ChangesFormat) -> Result<ExitCode> {
    let contract = read_contract(root)?;
    let files = Inputs::without_server(root)?.files;
    let (last, released) = history::last_final(&files).context("nothing is released")?;
    let mut changes = changes(&released, &contract);
    changes.sort_by_key(|change| (std::cmp::Reverse(change.level), change.line));
    println!("{}", printed(&last, &changes, format));
    Ok(ExitCode::SUCCESS)
}

/// The changes in a format.
fn printed(since: &Version, changes: &[Change], format: ChangesFormat) -> String {
    let lines = |line: fn(&Change) -> String| {
        let lines: Vec<_> = changes.iter().map(line).collect();
        lines.join("\n")
    };
    match format {
        ChangesFormat::Text => format!("{} changes since {since}\n{}", changes.len(), lines(text)),
        ChangesFormat::Markdown => format!(
            "| change since {since} | where | before | after |\n| --- | --- | --- | --- |\n{}",
            lines(row)
        ),
        ChangesFormat::Json => {
            let objects: Vec<_> = changes.iter().map(object).collect();
            json!({ "since": since.to_string(), "changes": objects }).to_string()
        }
    }
}

/// What both sides have, shortened.
fn sides(change: &Change) -> [String; 2] {
    let difference = &change.difference;
    [&difference.left, &difference.right].map(|side| shown(side.as_ref()))
}

fn text(change: &Change) -> String {
    let [before, after] = sides(change);
    let (level, line, pointer) = (change.level.word(), change.line, &change.difference.pointer);
    format!("{level:10} {CONTRACT}:{line}  {pointer}\n  before: {before}\n  after:  {after}")
}

fn row(change: &Change) -> String {
    let cell = |text: &str| {
        format!(
            "`{}`",
            text.replace('`', "'")
                .replace('|', "\\|")
                .replace('\n', " ")
        )
    };
    let [before, after] = sides(change);
    let place = cell(&change.difference.pointer);
    format!(
        "| {} | {place} | {} | {} |",
        change.level.word(),
        cell(&before),
        cell(&after)
    )
}

fn object(change: &Change) -> Value {
    let difference = &change.difference;
    json!({
        "level": change.level.word(), "file": CONTRACT, "line": change.line, "pointer": difference.pointer,
        "before": difference.left, "after": difference.right,
    })
}

#[cfg(test)]
mod tests {
    use billing_portal_tests::contract::Document;

    use super::*;

    const BEFORE: &str = "openapi: 3.0.3\ninfo: {title: t, version: 1.0.0}\npaths:\n  /a:\n    get: {operationId: a}\n";

    #[test]
    fn t19_every_change_is_listed_with_its_level_in_each_format() {
        let after = BEFORE
            .replace("title: t", "title: A | b")
            .replace("operationId: a", "operationId: b");
        let after = after + "  /c:\n    get: {operationId: c}\n";
        let parse = |text: &str| Document::parse(CONTRACT, text).expect("it is YAML");
        let mut list = changes(&parse(BEFORE), &parse(&after));
        list.sort_by_key(|change| std::cmp::Reverse(change.level));
        let print = |format| printed(&Version::new(1, 0, 0), &list, format);
        let text = print(ChangesFormat::Text);
        let levels = ["breaking", "additive", "text only"].map(|level| text.find(level));
        assert!(
            levels.is_sorted() && levels.iter().all(Option::is_some),
            "{text}"
        );
        assert!(
            text.contains(":5  /paths/~1a/get/operationId\n  before: \"a\"\n  after:  \"b\""),
            "{text}"
        );
        let markdown = print(ChangesFormat::Markdown);
        assert_eq!(markdown.lines().count(), 5, "{markdown}");
        assert!(
            markdown.contains("| text only | `/info/title` | `\"t\"` | `\"A \\| b\"` |"),
            "{markdown}"
        );
        let json: Value = serde_json::from_str(&print(ChangesFormat::Json)).expect("it is JSON");
        assert_eq!(json["since"], "1.0.0");
        let levels: Vec<_> = json["changes"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| &one["level"])
            .collect();
        assert_eq!(levels, ["breaking", "additive", "text only"]);
    }
}
