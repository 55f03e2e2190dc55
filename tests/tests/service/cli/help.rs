//! What the program says about itself: help with examples, completions, manual pages, and what a typing error meant.

use std::fs;

use tempfile::TempDir;

use crate::harness::command;
use crate::plain_words::for_every_help_page;

#[tokio::test]
async fn every_help_page_ends_with_an_example_of_its_command() {
    let mut read = 0;
    for_every_help_page(|command, help| {
        let (_, examples) = help
            .split_once("Example:\n")
            .or_else(|| help.split_once("Examples:\n"))
            .unwrap_or_else(|| panic!("{command} has no example: {help}"));
        let line = format!("billing-portal {command}");
        assert!(examples.contains(line.trim_end()), "{command}: {examples}");
        read += 1;
    })
    .await;
    assert!(read > 30, "{read}");
}

#[tokio::test]
async fn a_mistyped_word_is_answered_with_the_one_that_was_meant() {
    #[rustfmt::skip]
    let rows = [
        (&["docter"][..], "'doctor'"),
        (&["key", "creat"], "'create'"),
        (&["customer", "confilcts"], "'conflicts'"),
        (&["key", "list", "--orgg", "acme"], "'--org'"),
        (&["completions", "fih"], "fish"),
        (&["key", "create", "--org", "acme", "--mode", "liv"], "live"),
    ];
    for (words, meant) in rows {
        let outcome = command::run(words, &[]).await;
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (2, ""),
            "{words:?}"
        );
        assert!(
            outcome.stderr.contains(meant),
            "{words:?}: {}",
            outcome.stderr
        );
    }
}

#[tokio::test]
async fn completions_know_every_command_in_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let outcome = command::run(&["completions", shell], &[]).await;
        assert_eq!(outcome.code, 0);
        for word in ["why", "portal-config", "existing-only", "healthcheck"] {
            assert!(outcome.stdout.contains(word), "{shell} lacks {word}");
        }
        let json = command::run(&["completions", shell, "--json"], &[]).await;
        let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
        assert_eq!(json["shell"], shell);
        let script = json["script"].as_str().unwrap_or_default();
        assert_eq!(script.trim_end(), outcome.stdout.trim_end());
    }
}

#[tokio::test]
async fn each_command_gets_a_manual_page_with_its_example() {
    let directory = TempDir::new().expect("a temporary directory");
    let pages = directory.path().join("new/man1");
    let path = pages.to_str().expect("UTF-8");
    let outcome = command::run(&["man", path, "--json"], &[]).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let named: Vec<&str> = json["pages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it.as_str())
        .collect();
    let mut written: Vec<String> = fs::read_dir(&pages)
        .expect("the folder was made")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    written.sort();
    let mut sorted = named.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, written);
    assert!(named.contains(&"billing-portal-key-create.1"), "{named:?}");
    for page in named {
        let text = fs::read_to_string(pages.join(page)).expect("a page");
        assert!(text.contains(".TH "), "{page}");
        assert!(text.contains("Example"), "{page} has no example");
        assert!(!text.contains('\u{1b}'), "{page} has colours");
    }
    let file = directory.path().join("file");
    fs::write(&file, "").expect("a writable folder");
    let refused = command::run(&["man", file.to_str().expect("UTF-8")], &[]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("file"), "{}", refused.stderr);
}
