//! M3: what was requested is not recorded as what was given: the session in Stripe's answer must have it.

use billing_portal_tests::http_message::RETURN_URL;
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};

use crate::harness::log::{self, Log};
use crate::harness::service::Service;

/// Calls once with each answer of Stripe in turn; returns the status of each call and what was logged.
fn answered_with(rows: impl Fn(&Value) -> Vec<Value>) -> (Vec<u16>, Vec<Value>) {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let statuses = log.record(|| {
        runtime.block_on(async {
            let service = Service::start().await;
            service.create_portal_session(RETURN_URL).await;
            let good = service.stripe.last_session().expect("a session");
            let mut statuses = Vec::new();
            for session in rows(&good) {
                let reply = Reply::json(200, &session);
                service.stripe.answer_next(Endpoint::Sessions, [reply]);
                let answer = service.create_portal_session(RETURN_URL).await;
                if answer.status != 200 {
                    answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
                }
                statuses.push(answer.status);
            }
            for call in service.sessions() {
                assert_eq!(call.field("configuration"), good["configuration"].as_str());
                assert_eq!(call.field("return_url"), Some(RETURN_URL));
            }
            statuses
        })
    });
    (statuses, log::lines(&log.text()))
}

fn with(session: &Value, field: &str, value: Value) -> Value {
    let mut session = session.clone();
    session[field] = value;
    session
}

fn without(session: &Value, field: &str) -> Value {
    let mut session = session.clone();
    let fields = session.as_object_mut().expect("an object");
    fields.remove(field);
    session
}

/// Each call is answered 502 with this reason in the log, and no audit line says that a portal was opened.
fn assert_refused(reason: &str, rows: impl Fn(&Value) -> Vec<Value>) {
    let (statuses, lines) = answered_with(&rows);
    let count = rows(&json!({"configuration": "bpc_1", "return_url": RETURN_URL})).len();
    assert_eq!(statuses, vec![502; count]);
    let named = |event: &str| -> Vec<&Value> {
        lines.iter().filter(|line| line["event"] == event).collect()
    };
    let refused = named("stripe_invalid_response");
    let reasons: Vec<_> = refused.iter().map(|line| line["reason"].clone()).collect();
    assert_eq!(reasons, vec![Value::from(reason); count]);
    let audited = named("portal_session_refused");
    let causes: Vec<_> = audited.iter().map(|line| line["cause"].clone()).collect();
    assert_eq!(causes, vec![Value::from("invalid_response"); count]);
    // The one that gave the session to change.
    assert_eq!(named("portal_session_created").len(), 1);
}

#[test]
fn m3_a_session_with_another_configuration_is_refused() {
    assert_refused("configuration_mismatch", |good| {
        let ours = good["configuration"].as_str().unwrap_or_default();
        let upper_case = ours.to_uppercase();
        let longer = format!("{ours}0");
        vec![
            with(good, "configuration", json!("bpc_other")),
            with(good, "configuration", json!(upper_case)),
            with(good, "configuration", json!(longer)),
            with(good, "configuration", json!("")),
            with(good, "configuration", Value::Null),
            with(good, "configuration", json!([ours])),
            with(good, "configuration", json!({"id": "bpc_other"})),
            with(good, "configuration", json!({"configuration": ours})),
            without(good, "configuration"),
        ]
    });
}

#[test]
fn m3_a_session_with_another_return_url_is_refused() {
    assert_refused("return_url_mismatch", |good| {
        vec![
            with(good, "return_url", json!("https://evil.test/")),
            with(good, "return_url", json!("https://app.example.com/")),
            with(good, "return_url", json!(format!("{RETURN_URL}/"))),
            with(good, "return_url", json!(format!("{RETURN_URL}?x=1"))),
            with(good, "return_url", json!(RETURN_URL.to_uppercase())),
            with(good, "return_url", json!("")),
            with(good, "return_url", Value::Null),
            with(good, "return_url", json!({"url": RETURN_URL})),
            without(good, "return_url"),
        ]
    });
}

#[test]
fn m3_the_audit_records_the_configuration_that_stripe_names() {
    let (statuses, lines) = answered_with(|good| {
        // The whole configuration in the place of its id, as `expand` shows it.
        let whole = json!({"id": good["configuration"], "object": "billing_portal.configuration"});
        vec![good.clone(), with(good, "configuration", whole)]
    });
    assert_eq!(statuses, [200, 200]);
    let audited = lines
        .iter()
        .filter(|line| line["event"] == "portal_session_created");
    let recorded: Vec<_> = audited.map(|line| line["configuration"].clone()).collect();
    assert_eq!(recorded.len(), 3);
    assert!(
        recorded[0]
            .as_str()
            .is_some_and(|id| id.starts_with("bpc_"))
    );
    assert!(recorded.iter().all(|id| *id == recorded[0]), "{recorded:?}");
}
