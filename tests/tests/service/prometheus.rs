//! The alert rules and the dashboard: they use only what a service shows, each alert names its section of the runbook,
//! and Prometheus' own tool accepts them.

use std::collections::BTreeSet;
use std::process::Stdio;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Reply};
use billing_portal_tests::workspace;
use regex::Regex;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, event, signed, unix_time};

const ALERTS: &str = include_str!("../../../server/deploy/alerts.yml");
const ALERT_TESTS: &str = include_str!("../../../server/deploy/alerts_test.yml");
const DASHBOARD: &str = include_str!("../../../server/deploy/dashboard.json");
const RUNBOOK: &str = include_str!("../../../server/RUNBOOK.md");

/// What the pattern's first group finds.
fn found<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let captures = pattern.captures_iter(text);
    captures
        .map(|found| found.get(1).expect("a group").as_str())
        .collect()
}

/// What a service shows after a success, a failure, a retry, a webhook and a connection beyond a limit.
async fn metrics() -> String {
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .set("MAX_CONNECTIONS_PER_PEER", "1")
        .start()
        .await;
    service.create_portal_session(RETURN_URL).await;
    let failures = [Reply::status(500), Reply::status(401)];
    service.stripe.answer_next(Endpoint::Sessions, failures);
    service.create_portal_session(RETURN_URL).await;
    let ignored = event("evt_1", "invoice.paid", unix_time(), &json!({}));
    send(service.api(), &signed(&ignored)).await;
    // The first has half a request, so that it is not idle, and the second takes its place.
    let _half = tokio::net::TcpStream::connect(service.api()).await;
    send(service.api(), &TestRequest::get("/docs/")).await;
    let answer = send(service.operations(), &TestRequest::get("/metrics")).await;
    answer.text().to_owned()
}

/// The expressions of all alerts and of all panels.
fn expressions() -> Vec<String> {
    let alerts = found("(?m)^        expr: '(.*)'$", ALERTS);
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let panels = targets.map(|target| target["expr"].as_str().expect("an expression").to_owned());
    let all: Vec<String> = alerts
        .into_iter()
        .map(str::to_owned)
        .chain(panels)
        .collect();
    assert!(all.len() > 50, "{}", all.len());
    all
}

#[tokio::test]
async fn every_series_that_alerts_and_dashboard_use_is_one_that_a_service_shows() {
    let metrics = metrics().await;
    let shown = |name: &str, labels: &[(String, String)]| {
        metrics.lines().any(|line| {
            let rest = line.strip_prefix(name);
            let is_it = rest.is_some_and(|rest| rest.starts_with(['{', ' ']));
            let has =
                |(label, value): &(String, String)| line.contains(&format!("{label}=\"{value}\""));
            is_it && labels.iter().all(has)
        })
    };
    let selector =
        Regex::new(r"\b((?:billing_portal|process)_[a-z_]+)(?:\{([^}]*)\})?").expect("a pattern");
    let matcher = Regex::new(r#"(\w+)=~?"([^"]*)""#).expect("a pattern");
    let by = Regex::new(r"by \(([a-z_, ]+)\)").expect("a pattern");
    let mut names = BTreeSet::new();
    for expression in expressions() {
        for found in selector.captures_iter(&expression) {
            let name = found[1].to_owned();
            assert!(shown(&name, &[]), "no service shows {name}: {expression}");
            let labels = found.get(2).map_or("", |labels| labels.as_str());
            for label in matcher
                .captures_iter(labels)
                .filter(|label| &label[1] != "instance")
            {
                for value in label[2].split('|') {
                    let wanted = [(label[1].to_owned(), value.to_owned())];
                    assert!(
                        shown(&name, &wanted),
                        "no service shows {wanted:?} of {name}"
                    );
                }
            }
            let grouped = by
                .captures_iter(&expression)
                .flat_map(|by| by[1].split(", ").map(str::to_owned).collect::<Vec<_>>());
            for label in grouped.filter(|label| label != "instance") {
                let is_there = metrics
                    .lines()
                    .any(|line| line.starts_with(&name) && line.contains(&format!("{label}=\"")));
                assert!(is_there, "{name} has no label {label}");
            }
            names.insert(name);
        }
    }
    let families = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let unused: Vec<&str> = families
        .filter(|family| !names.iter().any(|name| name.starts_with(family)))
        .filter(|family| !["process_threads", "process_virtual_memory_bytes"].contains(family))
        .collect();
    assert_eq!(
        unused,
        Vec::<&str>::new(),
        "each is in an alert or on the dashboard"
    );
}

#[test]
fn every_alert_names_its_section_of_the_runbook_and_has_unit_tests() {
    let alerts = found("(?m)^      - alert: (.*)$", ALERTS);
    let sections = found("(?m)^          runbook_section: '(.*)'$", ALERTS);
    assert!(alerts.len() > 15 && alerts.len() == sections.len());
    for section in sections {
        let headings = [format!("\n## {section}\n"), format!("\n### `{section}`\n")];
        let is_there = headings.iter().any(|heading| RUNBOOK.contains(heading));
        assert!(is_there, "the runbook has no section {section}");
    }
    for alert in alerts {
        for claim in ["fires", "does not fire"] {
            let test = format!("\n  - name: {alert} {claim}\n");
            assert!(
                ALERT_TESTS.contains(&test),
                "{alert} has no test that it {claim}"
            );
        }
    }
}

#[test]
fn the_dashboard_can_be_imported() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<u64> = panels
        .iter()
        .filter_map(|panel| panel["id"].as_u64())
        .collect();
    assert_eq!(ids.len(), panels.len(), "each panel has its own id");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(!panel["title"].as_str().unwrap_or_default().is_empty());
        assert!(!panel["description"].as_str().unwrap_or_default().is_empty());
        assert_eq!(
            panel["datasource"]["uid"], "${datasource}",
            "any data source"
        );
    }
}

/// Runs promtool in the folder of the rules; what it printed.
async fn promtool(arguments: &[&str], input: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .current_dir(workspace::root().join("server/deploy"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed");
    let mut stdin = promtool.stdin.take().expect("a pipe");
    stdin
        .write_all(input.as_bytes())
        .await
        .expect("promtool reads");
    drop(stdin);
    let output = promtool.wait_with_output().await.expect("promtool ends");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(output.status.success(), "{arguments:?}: {printed}");
    printed
}

#[tokio::test]
#[ignore = "needs promtool, of Debian's package prometheus"]
async fn prometheus_accepts_the_rules_and_their_tests_pass() {
    promtool(&["check", "rules", "alerts.yml"], "").await;
    promtool(&["test", "rules", "alerts_test.yml"], "").await;
}

#[tokio::test]
#[ignore = "needs promtool, of Debian's package prometheus"]
async fn prometheus_accepts_the_metrics_without_a_remark() {
    let remarks = promtool(&["check", "metrics"], &metrics().await).await;
    assert_eq!(remarks, "");
}
