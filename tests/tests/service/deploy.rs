//! `server/DEPLOY.md` uses settings and commands that the program has.

mod files;
mod image;
mod layout;
mod schemas;

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use crate::harness::command;

const DEPLOY: &str = include_str!("../../../server/DEPLOY.md");

/// Everything that the pattern's first group finds.
fn found(pattern: &str, text: &'static str) -> BTreeSet<&'static str> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let captures = pattern.captures_iter(text);
    captures
        .map(|found| found.get(1).expect("a group").as_str())
        .collect()
}

#[tokio::test]
async fn every_setting_of_the_deployment_guide_exists() {
    let schema = command::run(&["config", "schema"], &[]).await;
    let schema: Value = serde_json::from_str(&schema.stdout).expect("JSON");
    let settings = schema["properties"].as_object().expect("settings");
    let variables = found(r"BILLING_PORTAL_([A-Z_]+[A-Z])", DEPLOY);
    let in_file = found(r"(?m)^([a-z_]+) = ", DEPLOY);
    assert!(variables.len() >= 2 && in_file.len() >= 4);
    for name in variables.iter().chain(&in_file) {
        let setting = name.to_lowercase();
        assert!(settings.contains_key(&setting), "{name}");
    }
}

#[tokio::test]
async fn every_command_of_the_deployment_guide_exists() {
    let commands = found(
        r"billing-portal ((?:serve|doctor|healthcheck|reload|config|org|key|customer|portal-config)\b[^`\n|]*)",
        DEPLOY,
    );
    assert!(commands.len() >= 3, "{commands:?}");
    for line in commands {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words.push("--help");
        let outcome = command::run(&words, &[]).await;
        assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
    }
}
