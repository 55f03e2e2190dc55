//! What /metrics says: Prometheus' text, with labels of closed lists, and numbers that follow what happened.

mod inside;
mod labels;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use billing_portal_tests::stripe::{Endpoint, Reply};
use tokio::time::sleep;

use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

/// Each series, as it is written, with its value.
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads the text as Prometheus does: a family's help and type come before its samples, which stand together.
    fn parse(text: &str) -> Self {
        let (mut series, mut families) = (BTreeMap::new(), BTreeSet::new());
        let (mut helped, mut family, mut kind) = ("", "", "");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').expect("a name and words");
                assert!(!words.is_empty() && families.insert(name), "{line}");
                helped = name;
            } else if let Some(typed) = line.strip_prefix("# TYPE ") {
                (family, kind) = typed.split_once(' ').expect("a name and a type");
                assert_eq!(family, helped, "help comes first");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", family.ends_with("_total"), "{line}");
            } else {
                let (name, value) = line.rsplit_once(' ').expect("a series and a value");
                let metric = name.split('{').next().unwrap_or_default();
                let of_family = match kind {
                    "histogram" => ["_bucket", "_sum", "_count"]
                        .iter()
                        .any(|end| metric.strip_suffix(end) == Some(family)),
                    _ => metric == family,
                };
                let is_ours = ["billing_portal_", "process_"]
                    .iter()
                    .any(|prefix| family.starts_with(prefix));
                assert!(of_family && is_ours, "{line}");
                let value = value.parse().expect("a number");
                let before = series.insert(name.to_owned(), value);
                assert!(before.is_none(), "{name} is there twice");
            }
        }
        Self(series)
    }

    async fn of(service: &Service) -> Self {
        let answer = send(service.operations(), &TestRequest::get("/metrics")).await;
        assert_eq!(answer.status, 200);
        answer.assert_header("content-type", "text/plain; version=0.0.4");
        Self::parse(answer.text())
    }

    /// The value of a series without the common prefix; one that is not there counts nothing yet.
    fn value(&self, series: &str) -> f64 {
        let name = format!("billing_portal_{series}");
        self.0.get(&name).copied().unwrap_or_default()
    }

    /// What has grown since, by the differences that are not zero. Durations are left out.
    fn since(&self, before: &Self, prefix: &str) -> BTreeMap<String, f64> {
        let prefix = format!("billing_portal_{prefix}");
        let series = self.0.iter().filter(|(name, _)| name.starts_with(&prefix));
        let grown = series.filter_map(|(name, value)| {
            let growth = value - before.0.get(name).copied().unwrap_or_default();
            let rest = name.strip_prefix(&prefix)?.to_owned();
            (growth != 0.0).then_some((rest, growth))
        });
        grown.collect()
    }
}

fn grown<const N: usize>(expected: [(&str, f64); N]) -> BTreeMap<String, f64> {
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    expected.into()
}

#[tokio::test]
async fn requests_calls_and_causes_are_counted_once_each() {
    let service = Service::start().await;
    let before = Metrics::of(&service).await;
    service.create_portal_session(RETURN_URL).await;
    service
        .create_portal_session("https://elsewhere.example/")
        .await;
    service
        .send(&TestRequest::portal("am_live_wrong", RETURN_URL))
        .await;
    let refused = Reply::status(401);
    service.stripe.answer_next(Endpoint::Sessions, [refused]);
    service.create_portal_session(RETURN_URL).await;
    let broken = Reply::status(500);
    service.stripe.answer_next(Endpoint::Sessions, [broken]);
    service.create_portal_session(RETURN_URL).await;
    // What operators ask is not counted among the callers' requests.
    service.readiness().await;
    let after = Metrics::of(&service).await;

    assert_eq!(
        after.since(&before, "requests_total"),
        grown([
            (r#"{code="OK",status="200"}"#, 2.0),
            (r#"{code="UNAUTHORIZED",status="401"}"#, 1.0),
            (r#"{code="VALIDATION_FAILED",status="422"}"#, 1.0),
            (r#"{code="BILLING_PORTAL_UNAVAILABLE",status="502"}"#, 1.0),
        ])
    );
    assert_eq!(
        after.since(&before, "unavailable_total"),
        grown([(r#"{upstream_cause="credentials_refused"}"#, 1.0)])
    );
    assert_eq!(
        after.since(&before, "stripe_calls_total"),
        grown([
            (r#"{cause="",endpoint="sessions",outcome="done"}"#, 2.0),
            (
                r#"{cause="credentials_refused",endpoint="sessions",outcome="failed"}"#,
                1.0
            ),
        ])
    );
    assert_eq!(
        after.since(&before, "stripe_call_duration_seconds_count"),
        grown([
            (r#"{endpoint="sessions",outcome="done"}"#, 2.0),
            (r#"{endpoint="sessions",outcome="failed"}"#, 1.0),
        ])
    );
    assert_eq!(
        after.since(&before, "stripe_retries_total"),
        grown([(r#"{cause="server_error"}"#, 1.0)])
    );
    let counted = after.since(&before, "request_duration_seconds_count");
    assert_eq!(counted, grown([("", 5.0)]));
    for gauge in ["requests_in_flight", "stripe_calls_in_flight"] {
        assert_eq!(after.value(gauge).to_bits(), 0, "{gauge} is back at zero");
    }
    let whole = after.value(r#"request_duration_seconds_bucket{le="+Inf"}"#);
    let counted = after.value("request_duration_seconds_count");
    assert_eq!(whole.to_bits(), counted.to_bits());
}

#[tokio::test]
async fn requests_in_flight_are_shown_while_they_run() {
    let service = Service::start().await;
    let slow = Reply::status(400).after(Duration::from_secs(2));
    service.stripe.answer_next(Endpoint::Sessions, [slow]);
    let asking = service.create_portal_session(RETURN_URL);
    let looking = async {
        while service.sessions().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        Metrics::of(&service).await
    };
    let (_, during) = tokio::join!(asking, looking);
    for gauge in ["requests_in_flight", "stripe_calls_in_flight"] {
        assert_eq!(during.value(gauge).to_bits(), 1.0_f64.to_bits(), "{gauge}");
    }
}
