//! Every entry of `corpora/allowlist_config.json`: taken in its normal form, or a reason not to start.
//! `CASE=https://app.example.com cargo nextest run allow_list` plays one entry.

use std::fs;

use billing_portal_server::config::Config;
use billing_portal_server::return_url::AllowedOrigin;
use billing_portal_tests::corpus::selected;
use serde::Deserialize;
use tempfile::TempDir;

#[derive(Deserialize)]
struct Corpus {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    entry: String,
    mode: String,
    expect: String,
    normalised: Option<String>,
    why: String,
}

/// The entries; those that `CASE` names, where it is set.
fn corpus() -> Vec<Case> {
    let corpus = include_str!("../../corpora/allowlist_config.json");
    let corpus: Corpus = serde_json::from_str(corpus).expect("the corpus");
    selected(corpus.cases, |case| &case.entry)
}

/// What is wrong with a configuration file that has these entries.
fn problems(mode: &str, entries: &[&str]) -> Vec<String> {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("billing-portal.toml");
    let entries = serde_json::json!(entries);
    let text = format!(
        "environment = \"{mode}\"\nreturn_url_allow_list = {entries}\nstripe_secret_key = \"sk_live_x\"\n"
    );
    fs::write(&file, text).expect("the file is written");
    let loaded = Config::load_for_serving(Some(&file), []);
    let problems = loaded.err().unwrap_or_default();
    problems
        .0
        .into_iter()
        .map(|problem| format!("{} {}", problem.setting, problem.problem))
        .collect()
}

#[test]
fn every_allow_list_entry_of_the_corpus_is_accepted_or_refused() {
    let (cases, mut failures) = (corpus(), Vec::new());
    for case in &cases {
        let problems = problems(&case.mode, &[&case.entry]);
        let holds = match case.expect.as_str() {
            "valid" => problems.is_empty(),
            "refuse_to_start" => {
                matches!(problems.as_slice(), [one] if one.starts_with("return_url_allow_list "))
            }
            other => panic!("{other} is not expected"),
        };
        if !holds {
            failures.push(format!(
                "{:?} in {} ({}): {problems:?}",
                case.entry, case.mode, case.why
            ));
        }
    }
    println!(
        "{} of {} entries hold",
        cases.len() - failures.len(),
        cases.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn an_entry_is_shown_in_its_normal_form() {
    for case in corpus() {
        let Some(normalised) = case.normalised else {
            continue;
        };
        let origin = AllowedOrigin::parse(&case.entry, case.mode == "development");
        assert_eq!(
            origin.map(|origin| origin.to_string()),
            Ok(normalised),
            "{}",
            case.why
        );
    }
}

#[test]
fn an_empty_list_is_refused_in_production_only() {
    assert_eq!(
        problems("production", &[]),
        [
            "return_url_allow_list must not be empty in production; list the origins of your pages, such as https://app.example.com"
        ]
    );
    assert!(problems("development", &[]).is_empty());
}

#[test]
fn every_bad_entry_is_named() {
    let problems = problems(
        "production",
        &["http://a.example", "https://good.example", "*"],
    );
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].contains("http://a.example") && problems[1].contains('*'),
        "{problems:?}"
    );
}
