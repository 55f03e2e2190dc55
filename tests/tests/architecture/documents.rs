//! The documents name only what exists: files that links lead to, modules on the way of a request, and tests. They use
//! plain words.

use std::collections::BTreeSet;
use std::fs;

use billing_portal_tests::plain_words::WITHDRAWN;
use regex::Regex;

use crate::workspace::{packages, root};

/// The documents that people read, by their path in the workspace.
const DOCUMENTS: [&str; 8] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "client/README.md",
    "client/typescript/README.md",
    "server/DEPLOY.md",
    "server/RUNBOOK.md",
];

/// The text of a file of the workspace.
fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What the pattern's first group finds, with the line.
fn found(pattern: &str, text: &str) -> Vec<(usize, String)> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let lines = text.lines().zip(1..);
    let found = lines.flat_map(|(text, line)| {
        let captures = pattern.captures_iter(text);
        captures
            .map(|found| (line, found[1].to_owned()))
            .collect::<Vec<_>>()
    });
    found.collect()
}

/// One line for each relative link that leads to no file or folder.
pub(crate) fn broken_links() -> Vec<String> {
    let mut broken = Vec::new();
    for document in DOCUMENTS {
        let here = root().join(document);
        let here = here.parent().expect("a file is in a folder");
        for (line, target) in found(r"\]\(([^)#]+)[^)]*\)", &read(document)) {
            let is_elsewhere = target.contains("://");
            if !is_elsewhere && !here.join(&target).exists() {
                broken.push(format!("{document}:{line} links to {target}"));
            }
        }
    }
    broken
}

/// One line for each link of the README whose text names another path than the one that it leads to.
pub(crate) fn misnamed_links() -> Vec<String> {
    let links = found(r"\[(`[^`]+`\]\([^)]+)\)", &read("README.md"));
    let misnamed = links.iter().filter(|(_, link)| {
        let (text, target) = link.split_once("](").expect("the pattern has it");
        text.trim_matches('`').trim_end_matches('/') != target.trim_end_matches('/')
    });
    misnamed
        .map(|(line, link)| format!("README.md:{line} names [{link})"))
        .collect()
}

/// One line for each module on the README's way of a request that the server does not have.
pub(crate) fn unknown_steps() -> Vec<String> {
    let server = packages()
        .iter()
        .find(|package| package.name == "billing-portal-server")
        .expect("the server is a package");
    let modules: BTreeSet<_> = server
        .files
        .keys()
        .filter_map(|file| file.strip_prefix("server/src/"))
        .flat_map(|file| file.trim_end_matches(".rs").split('/'))
        .collect();
    let flow = found(r"^`(connection -> .+)`$", &read("README.md"));
    let [(line, flow)] = &flow[..] else {
        return vec![format!("README.md has {} flow lines", flow.len())];
    };
    let steps = found(r"([a-z_]+)(?: ->|$| \()", flow);
    let unknown = steps
        .iter()
        .filter(|(_, step)| !modules.contains(step.as_str()));
    unknown
        .map(|(_, step)| format!("README.md:{line} names the module {step}"))
        .collect()
}

/// One line for each command of xtask that the README does not list, and for each that it lists and xtask does not have.
pub(crate) fn unlisted_commands() -> Vec<String> {
    let source = read("xtask/src/commands.rs");
    let commands = source.split("enum Command {").nth(1);
    let commands = commands.and_then(|rest| rest.split("\n}").next());
    let commands = found(r"^    ([A-Z]\w+)(?: \{|,)$", commands.unwrap_or_default());
    let commands: BTreeSet<_> = commands.iter().map(|(_, name)| kebab_case(name)).collect();
    assert!(commands.contains("self-test"), "{commands:?}");
    let readme = read("README.md");
    let row = readme.lines().find(|line| line.starts_with("| [`xtask/`]"));
    let contents = row.and_then(|row| row.rsplit(" | ").next());
    let listed = found(r"`([a-z-]+)`", contents.unwrap_or_default());
    let listed: BTreeSet<_> = listed.into_iter().map(|(_, name)| name).collect();
    let differences = commands.symmetric_difference(&listed);
    differences
        .map(|command| format!("README.md and xtask differ in the command {command}"))
        .collect()
}

/// `SelfTest` as `self-test`.
fn kebab_case(name: &str) -> String {
    let mut kebab = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(character.to_lowercase());
    }
    kebab
}

/// One line for each name in the last column of a table of SECURITY.md that no test has.
pub(crate) fn unknown_tests() -> Vec<String> {
    let test = Regex::new(r"#\[(?:tokio::)?test[^\]]*\]\s+(?:#\[[^\]]*\]\s+)*(?:async )?fn (\w+)");
    let test = test.expect("a pattern");
    let files = packages().iter().flat_map(|package| package.files.values());
    let tests: BTreeSet<_> = files
        .flat_map(|text| test.captures_iter(text).map(|found| found[1].to_owned()))
        .collect();
    let mut cited = 0;
    let mut unknown = Vec::new();
    for (row, line) in read("SECURITY.md").lines().zip(1..) {
        let cells = row.strip_prefix('|').and_then(|row| row.strip_suffix('|'));
        let last = cells.and_then(|cells| cells.rsplit('|').next());
        for (_, name) in found(r"`(\w+)`", last.unwrap_or_default()) {
            cited += 1;
            if !tests.contains(&name) {
                unknown.push(format!("SECURITY.md:{line} cites the test {name}"));
            }
        }
    }
    assert!(cited > 50, "SECURITY.md cites {cited} tests");
    unknown
}

/// One line for each withdrawn word in a document or in the contract.
pub(crate) fn withdrawn_words() -> Vec<String> {
    let documents = DOCUMENTS.into_iter().chain(["openapi/billing-portal.yaml"]);
    let words = documents.flat_map(|document| {
        let words = found(WITHDRAWN, &read(document)).into_iter();
        words.map(move |(line, word)| format!("{document}:{line} says {word}"))
    });
    words.collect()
}
