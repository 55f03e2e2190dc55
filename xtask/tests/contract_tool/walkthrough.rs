//! CONTRIBUTING.md shows a change of the contract step by step. The test goes the same steps and compares the output.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use billing_portal_tests::service_process;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{CONTRACT, checkout::Checkout};

const DOCUMENT: &str = "CONTRIBUTING.md";
/// The release with which the walk-through compares.
const RELEASED: &str = "openapi/released/1.0.1.yaml";
const SUMS: &str = "openapi/released/SHA256SUMS";

/// A fenced block: its language and its lines.
struct Block {
    language: String,
    text: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let (_, steps) = document
        .split_once("\n## A change of the contract, step by step\n")
        .expect("the section");
    let fenced = steps.split("```").skip(1).step_by(2);
    let block = |fenced: &str| {
        let (language, text) = fenced.split_once('\n').expect("a language");
        Block {
            language: language.to_owned(),
            text: text.to_owned(),
        }
    };
    fenced.map(block).collect()
}

/// The file of a difference, and each hunk before and after it.
fn hunks(difference: &str) -> (&str, Vec<(String, String)>) {
    let (file, rest) = difference.split_once('\n').expect("a file");
    let file = file.strip_prefix("+++ ").expect("a file");
    let hunks = rest.split("@@\n").skip(1).map(|hunk| {
        let side = |sign: char| {
            let lines = hunk.split_inclusive('\n');
            let lines = lines.filter_map(|line| line.strip_prefix([' ', sign]));
            lines.collect::<String>()
        };
        (side('-'), side('+'))
    });
    (file, hunks.collect())
}

/// Without the numbers of lines, which every change of the contract moves.
fn without_lines(output: &str) -> String {
    let mut parts = output.split("openapi/billing-portal.yaml:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, rest| {
        let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        text + "openapi/billing-portal.yaml:N" + rest
    })
}

/// A service that declares what the real one does, or the same without the field of the walk-through.
fn service(checkout: &Checkout, has_field: bool) -> PathBuf {
    let real = service_process::binary().expect("the service builds");
    let declared = Command::new(real).arg("openapi").output();
    let declared = declared.expect("the service runs").stdout;
    let mut declared: Value = serde_json::from_slice(&declared).expect("JSON");
    if !has_field {
        let schema = &mut declared["components"]["schemas"]["CreatePortalSession"]["properties"];
        let removed = schema.as_object_mut().expect("fields").remove("locale");
        assert!(removed.is_some(), "the server has the field");
    }
    let name = if has_field { "after" } else { "before" };
    checkout.write(&format!("{name}.json"), &declared.to_string());
    checkout.write(name, &format!("#!/bin/sh\ncat \"${{0%/*}}/{name}.json\"\n"));
    let path = checkout.path(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our file");
    path
}

/// Takes the change out of the contract, as if the release before were all of the contract but the field.
fn take_back(checkout: &Checkout, change: &[(String, String)]) {
    for (before, after) in change {
        assert_eq!(checkout.read(CONTRACT).matches(after).count(), 1, "{after}");
        checkout.edit(CONTRACT, after, before);
    }
    let contract = checkout.read(CONTRACT);
    let version = contract
        .lines()
        .find(|line| line.starts_with("  version: "));
    let released = contract.replacen(version.expect("info.version"), "  version: 1.0.1", 1);
    checkout.write(RELEASED, &released);
    let sum = Sha256::digest(released.as_bytes());
    let sum = sum
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let sums = checkout.read(SUMS);
    let first = sums.lines().find(|line| line.ends_with(" 1.0.0.yaml"));
    let first = first.expect("the first release");
    checkout.write(SUMS, &format!("{first}\n{sum}  1.0.1.yaml\n"));
    for later in sums.lines().filter_map(|line| line.split("  ").nth(1)) {
        if !["1.0.0.yaml", "1.0.1.yaml"].contains(&later) {
            checkout.remove(&format!("openapi/released/{later}"));
        }
    }
}

#[test]
fn contributing_prints_what_the_commands_of_a_change_print() {
    let checkout = Checkout::copy("walkthrough");
    let document = checkout.read(DOCUMENT);
    let blocks = blocks(&document);
    let (file, change) = hunks(&blocks[0].text);
    assert_eq!((blocks[0].language.as_str(), file), ("diff", CONTRACT));
    take_back(&checkout, &change);
    let mut service_now = service(&checkout, false);
    let made = checkout.run_with(&service_now, &["generate"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let start = checkout.run_with(&service_now, &["check"]);
    assert_eq!(start.code, 0, "{}", start.stdout);

    let (mut commands, mut printed) = (0, None);
    for Block { language, text } in blocks {
        match language.as_str() {
            "diff" => {
                let (file, change) = hunks(&text);
                for (before, after) in change {
                    if file == CONTRACT {
                        checkout.edit(CONTRACT, &before, &after);
                    } else {
                        // Its result is the code of today, which is not built again.
                        assert!(checkout.read(file).contains(&after), "{file}: {after}");
                        service_now = service(&checkout, true);
                    }
                }
            }
            "sh" => {
                let command = text.trim().strip_prefix("cargo xtask ").expect("ours");
                let arguments: Vec<&str> = command.split(' ').collect();
                let run = checkout.run_with(&service_now, &arguments);
                printed = Some(run.stdout + &run.stderr);
                commands += 1;
            }
            "text" => {
                let printed = printed.take().expect("a command stands before its output");
                assert_eq!(without_lines(&text), without_lines(&printed));
            }
            other => panic!("a block of {other}"),
        }
    }
    assert_eq!((commands, printed), (5, None), "each output is shown");
}
