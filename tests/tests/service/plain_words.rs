//! What the program prints about itself uses plain words: the help of every command, the settings, the metrics and the
//! document of the operations port.

use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::plain_words::WITHDRAWN;
use regex::Regex;

use crate::harness::command;
use crate::harness::service::{Service, send};

/// Fails with the lines that have a withdrawn word.
fn assert_plain(what: &str, text: &str) {
    let withdrawn = Regex::new(WITHDRAWN).expect("a pattern");
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| withdrawn.is_match(line))
        .collect();
    assert!(lines.is_empty(), "{what}: {lines:#?}");
}

/// The commands that a help page lists.
fn subcommands(help: &str) -> Vec<String> {
    let section = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| line.starts_with("  "));
    // A long description goes on in lines that are indented further.
    let names = lines.filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Reads the help of every command: the words of the command, and its page.
pub(crate) async fn for_every_help_page(mut read: impl FnMut(&str, &str)) {
    let mut waiting = vec![Vec::<String>::new()];
    while let Some(command) = waiting.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = command::run(&[&words[..], &["--help"]].concat(), &[]).await;
        read(&command.join(" "), &help.stdout);
        for name in subcommands(&help.stdout) {
            waiting.push([&command[..], &[name]].concat());
        }
    }
}

#[tokio::test]
async fn the_help_of_every_command_uses_plain_words() {
    let mut read = 0;
    for_every_help_page(|command, help| {
        assert_plain(command, help);
        read += 1;
    })
    .await;
    assert!(read > 20, "{read} pages were read");
}

#[tokio::test]
async fn settings_metrics_and_the_operations_document_use_plain_words() {
    let schema = command::run(&["config", "schema"], &[]).await;
    assert!(schema.stdout.contains("return_url_allow_list"));
    assert_plain("config schema", &schema.stdout);
    let service = Service::start().await;
    for path in ["/metrics", "/operations.json"] {
        let answer = send(service.operations(), &TestRequest::get(path)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_plain(path, answer.text());
    }
}
