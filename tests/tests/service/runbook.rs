//! The runbook has a section for every cause and a row for every metric that the service has, and no others; its
//! commands exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use billing_portal_server::{CauseDescription, Severity, causes_of_502};
use billing_portal_tests::stripe::{Endpoint, Reply};
use regex::Regex;
use serde_json::json;

use crate::harness::command;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, event, signed, unix_time};
use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::workspace;

const RUNBOOK: &str = include_str!("../../../server/RUNBOOK.md");
const ALERTS: &str = include_str!("../../../server/deploy/alerts.yml");

/// The text under a heading, up to the next of its level or above.
fn section(heading: &str) -> &'static str {
    let (_, rest) = RUNBOOK
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("{heading} is there"));
    let level = heading.split(' ').next().unwrap_or_default().len();
    let next = Regex::new(&format!(r"(?m)^#{{1,{level}}} ")).expect("a pattern");
    next.find(rest).map_or(rest, |end| &rest[..end.start()])
}

/// Everything that the pattern's first group finds, in order.
fn found(pattern: &str, text: &'static str) -> Vec<&'static str> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let captures = pattern.captures_iter(text);
    captures
        .map(|found| found.get(1).expect("a group").as_str())
        .collect()
}

/// The metrics of a service that has had a failure, a retry and a webhook, so that none lacks its first series.
async fn metrics() -> String {
    let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
    let service = builder.start().await;
    let failure = Reply::status(500);
    service.stripe.answer_next(Endpoint::Sessions, [failure]);
    service
        .create_portal_session("https://app.example.com/")
        .await;
    let ignored = event("evt_1", "invoice.paid", unix_time(), &json!({}));
    send(service.api(), &signed(&ignored)).await;
    let answer = send(service.operations(), &TestRequest::get("/metrics")).await;
    answer.text().to_owned()
}

#[tokio::test]
async fn every_cause_has_its_section_with_all_its_parts_and_no_other_has_one() {
    let metrics = metrics().await;
    let series = Regex::new(r#"(?m)^billing_portal_unavailable_total\{upstream_cause="(\w+)"\}"#);
    let causes: BTreeSet<String> = series
        .expect("a pattern")
        .captures_iter(&metrics)
        .map(|found| found[1].to_owned())
        .collect();
    let documented = section("## Causes of 502");
    let sections = found(r"(?m)^### `(\w+)`$", documented);
    let words: Vec<&str> = causes_of_502().map(|cause| cause.word).collect();
    assert_eq!(sections, words, "in the table's order");
    assert_eq!(
        sections
            .iter()
            .map(|cause| (*cause).to_owned())
            .collect::<BTreeSet<_>>(),
        causes
    );
    for CauseDescription {
        word,
        event,
        severity,
        passes_by_itself,
    } in causes_of_502()
    {
        let text = section(&format!("### `{word}`"));
        let seen = if passes_by_itself {
            "502 with `Retry-After`."
        } else {
            "502 without `Retry-After`:"
        };
        let logged = match severity {
            Severity::Alarm => format!("`{event}`, with `alert` true."),
            Severity::Error => format!("`{event}`."),
            Severity::Warning => format!("`{event}`, as a warning."),
        };
        for part in [
            "- **Means:** ",
            &format!("- **Callers see:** {seen}"),
            &format!("- **In the log:** {logged}"),
            "- **Do:** ",
        ] {
            assert!(text.contains(part), "{word} lacks {part:?}: {text}");
        }
    }
}

/// The words of every cause of a 502.
pub(crate) fn causes() -> BTreeSet<&'static str> {
    causes_of_502().map(|cause| cause.word).collect()
}

#[tokio::test]
async fn every_metric_has_its_row_and_no_other_is_named() {
    let metrics = metrics().await;
    let families: BTreeSet<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let table = section("## Metrics");
    let mut described = BTreeSet::new();
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, meaning, alert] = cells[..] else {
            panic!("three cells in {line}")
        };
        assert!(!meaning.is_empty() && !alert.is_empty(), "{line}");
        described.extend(name.split(", ").map(|name| name.trim_matches('`')));
    }
    assert_eq!(described, families);
    for named in found(r"\b(billing_portal_[a-z_]+)", RUNBOOK) {
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| named.strip_suffix(end));
        assert!(families.contains(family.unwrap_or(named)), "{named}");
    }
    let causes = causes();
    let watched = found(r#"upstream_cause=~"([a-z_|]+)""#, ALERTS).join("|");
    let watched: BTreeSet<&str> = watched.split('|').collect();
    for cause in &watched {
        assert!(causes.contains(*cause), "{cause}");
    }
    for CauseDescription { word, severity, .. } in causes_of_502() {
        // The breaker has a gauge of its own.
        let is_watched = watched.contains(word) || word == "breaker_open";
        assert!(
            severity != Severity::Alarm || is_watched,
            "no rule watches {word}"
        );
    }
}

/// The texts of all files below a folder.
fn texts(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                texts(&path)
            } else {
                vec![fs::read_to_string(&path).expect("source is text")]
            }
        })
        .collect()
}

#[test]
fn every_alert_event_has_its_section() {
    let server = workspace::root().join("server/src");
    let alarm = Regex::new(r#"event = "(\w+)",\s+alert = true"#).expect("a pattern");
    let mut alarms = 0;
    for text in texts(&server) {
        for found in alarm.captures_iter(&text) {
            let heading = format!("\n### `{}`\n", &found[1]);
            assert!(RUNBOOK.contains(&heading), "{}", &found[1]);
            alarms += 1;
        }
    }
    assert!(alarms >= 5, "{alarms}");
}

#[tokio::test]
async fn every_command_is_one_that_the_program_takes() {
    let lines = found(r"(?m)^ *(billing-portal .*)$", RUNBOOK);
    let inline = found(r"`(billing-portal [^`]+)`", RUNBOOK);
    let commands: BTreeSet<&str> = lines.into_iter().chain(inline).collect();
    assert!(commands.len() > 10, "{commands:?}");
    // What the shell puts in, such as the date.
    let substituted = Regex::new(r"\$\([^)]*\)").expect("a pattern");
    for line in commands {
        let ours = substituted.replace_all(line, "x");
        let mut words: Vec<&str> = ours.split(' ').skip(1).collect();
        words.push("--help");
        let outcome = command::run(&words, &[]).await;
        assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
        assert!(outcome.stdout.contains("Usage: billing-portal"), "{line}");
    }
}
