//! What may change while the service runs, and takes effect with a reload.

use std::time::Duration;

use billing_portal_tests::http_client::{self, ClientConnection};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::events;
use crate::harness::configured::ConfiguredProcess;
use crate::harness::service::send;
use crate::harness::webhook::{customer, event, signature, unix_time, unsigned};

const OTHER: &str = "https://other.example.com/billing";
/// How long an answer, or the end of a connection, may take on a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn s17_entries_of_the_allow_list_are_added_and_removed() {
    let mut service = ConfiguredProcess::start(&[]).await;
    assert_eq!(service.readiness().await["generation"], 1);
    assert_eq!(service.status_for(OTHER).await, 422);

    let both = json!(["https://app.example.com", "https://other.example.com"]);
    service.set("return_url_allow_list", &both);
    assert!(service.hang_up().await);
    assert_eq!(service.readiness().await["generation"], 2);
    assert_eq!(service.status_for(OTHER).await, 200);
    assert_eq!(service.status_for(RETURN_URL).await, 200);

    service.set(
        "return_url_allow_list",
        &json!(["https://other.example.com"]),
    );
    assert!(service.hang_up().await);
    assert_eq!(service.readiness().await["generation"], 3);
    assert_eq!(service.status_for(RETURN_URL).await, 422);

    let (code, log) = service.stop().await;
    assert_eq!(code, Some(0));
    let reloaded = events(&log, "settings_reloaded");
    let generations: Vec<&Value> = reloaded.iter().map(|line| &line["generation"]).collect();
    assert_eq!(generations, [2, 3]);
    assert_eq!(reloaded[0]["changed"], "return_url_allow_list");
    assert_eq!(reloaded[0]["alert"], false);
}

/// The status of an event that is signed with this secret.
async fn deliver(service: &ConfiguredProcess, id: &str, secret: &str) -> u16 {
    let created = event(id, "customer.created", unix_time(), &customer("cus_9", "x"));
    let (time, body) = (unix_time().to_string(), created.to_string().into_bytes());
    let header = format!("t={time},v1={}", signature(secret, &time, &body));
    let delivery = unsigned(body).with_header("Stripe-Signature", header);
    send(service.api(), &delivery).await.status
}

#[tokio::test]
async fn s17_webhook_secrets_are_set_rolled_and_removed() {
    const OLD: &str = "whsec_old0000000000000000";
    const NEW: &str = "whsec_new0000000000000000";
    let mut service = ConfiguredProcess::start(&[]).await;
    assert_eq!(deliver(&service, "evt_1", OLD).await, 404, "there is none");
    // As on every path that does not exist, whatever the method.
    let get = TestRequest::get("/webhooks/stripe");
    assert_eq!(send(service.api(), &get).await.status, 404);

    service.set_secret("stripe_webhook_secret", OLD);
    assert!(service.hang_up().await);
    assert_eq!(deliver(&service, "evt_2", OLD).await, 200);
    assert_eq!(deliver(&service, "evt_3", NEW).await, 400);
    assert_eq!(send(service.api(), &get).await.status, 405);

    service.set_secret("stripe_webhook_secret", &format!("{NEW}\n{OLD}\n"));
    assert!(service.hang_up().await);
    assert_eq!(deliver(&service, "evt_4", OLD).await, 200);
    assert_eq!(deliver(&service, "evt_5", NEW).await, 200);

    service.set_secret("stripe_webhook_secret", NEW);
    assert!(service.hang_up().await);
    assert_eq!(deliver(&service, "evt_6", OLD).await, 400);
    assert_eq!(deliver(&service, "evt_7", NEW).await, 200);

    service.set("stripe_webhook_secret_file", &Value::Null);
    assert!(service.hang_up().await);
    assert_eq!(deliver(&service, "evt_8", NEW).await, 404);
    let (_, log) = service.stop().await;
    let changed = events(&log, "settings_reloaded");
    assert_eq!(changed[1]["changed"], "stripe_webhook_secret");
    let text = format!("{log:?}");
    assert!(!text.contains(OLD) && !text.contains(NEW), "{text}");
}

#[tokio::test]
async fn s17_the_log_filter_changes_and_alerts_are_logged_at_every_level() {
    let mut service = ConfiguredProcess::start(&[("log", json!("info"))]).await;
    let opened =
        async |service: &ConfiguredProcess| service.open_portal().await.request_id().to_owned();
    let at_info = opened(&service).await;
    service.set("log", &json!("warn"));
    assert!(service.hang_up().await);
    let at_warn = opened(&service).await;
    service.set("log", &json!("off"));
    assert!(service.hang_up().await);
    let at_off = opened(&service).await;
    service.set("log", &json!("info,billing_portal_server=debug"));
    assert!(service.hang_up().await);
    let at_debug = opened(&service).await;
    let (_, log) = service.stop().await;
    let answered = events(&log, "answered");
    let is_logged = |id: &str| answered.iter().any(|line| line["span"]["request_id"] == id);
    let seen = [&at_info, &at_warn, &at_off, &at_debug].map(|id| is_logged(id));
    assert_eq!(seen, [true, false, false, true]);
    let audited = log.iter().filter(|line| line["target"] == "audit").count();
    assert_eq!(audited, 4, "the audit is written at every level");
    assert_eq!(events(&log, "settings_reloaded").len(), 3);
}

/// The statuses of this many calls, one after the other.
async fn statuses(service: &ConfiguredProcess, calls: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..calls {
        statuses.push(service.status_for(RETURN_URL).await);
    }
    statuses
}

#[tokio::test]
async fn s17_the_limits_of_keys_and_of_failed_authentications_change() {
    let mut service = ConfiguredProcess::start(&[]).await;
    assert_eq!(statuses(&service, 4).await, [200; 4]);
    // A third of it may arrive at once.
    service.set("rate_limit_per_key", &json!(6));
    assert!(service.hang_up().await);
    assert_eq!(statuses(&service, 4).await, [200, 200, 429, 429]);
    // A reload that does not change a limit does not forget what was counted.
    service.set("portal_url_ttl_seconds", &json!(600));
    assert!(service.hang_up().await);
    assert_eq!(statuses(&service, 1).await, [429]);
    service.set("rate_limit_per_key", &json!(0));
    assert!(service.hang_up().await);
    assert_eq!(statuses(&service, 4).await, [200; 4]);

    let unknown = TestRequest::portal("am_live_nobody", RETURN_URL);
    service.set("rate_limit_failed_auth", &json!(2));
    assert!(service.hang_up().await);
    let mut failed = Vec::new();
    for _ in 0..3 {
        failed.push(send(service.api(), &unknown).await.status);
    }
    assert_eq!(failed, [401, 401, 429]);
}

#[tokio::test]
async fn s17_the_limits_of_requests_and_connections_and_the_times_change() {
    let mut service = ConfiguredProcess::start(&[]).await;
    service.set("portal_url_ttl_seconds", &json!(3600));
    assert!(service.hang_up().await);
    let opened = service.open_portal().await.json();
    let expires_at = opened["data"]["expires_at"].as_str().expect("a time");
    let expires_at: chrono::DateTime<chrono::Utc> = expires_at.parse().expect("a time");
    assert!(expires_at.timestamp() > unix_time() + 3000, "{expires_at}");

    // A request whose body does not come takes the only place.
    service.set("max_in_flight", &json!(1));
    assert!(service.hang_up().await);
    let portal = service.portal(RETURN_URL);
    let mut slow = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    slow.send(&portal.head()).await.expect("it is sent");
    while service.metric("billing_portal_requests_in_flight").await == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(service.status_for(RETURN_URL).await, 503);
    slow.send(&portal.body).await.expect("it is sent");
    let answer = slow
        .response("POST", RESPONSE_LIMIT)
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200);

    // Its header time is that of a connection that was accepted after the reload.
    service.set("header_timeout_seconds", &json!(1));
    service.set("idle_timeout_seconds", &json!(1));
    assert!(service.hang_up().await);
    let mut silent = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    silent.send(b"GET /").await.expect("it is sent");
    assert!(silent.is_closed(RESPONSE_LIMIT).await);

    // One peer's share is one connection: a second one that is opened replaces it while it is idle.
    service.set("max_connections_per_peer", &json!(1));
    service.set("idle_timeout_seconds", &json!(600));
    assert!(service.hang_up().await);
    let mut first = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    first.send(&portal.to_bytes()).await.expect("it is sent");
    let answer = first
        .response("POST", RESPONSE_LIMIT)
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200);
    // The service counts the first one as idle shortly after its answer has arrived; until then it accepts no other.
    while http_client::exchange(service.api(), &portal, RESPONSE_LIMIT)
        .await
        .is_none()
    {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(first.is_closed(RESPONSE_LIMIT).await);
}

#[tokio::test]
async fn s17_settings_that_need_a_restart_are_reported_and_the_rest_is_applied() {
    let mut service = ConfiguredProcess::start(&[]).await;
    let database = "sqlite:///nowhere/else.db";
    service.set("listen", &json!("127.0.0.1:1"));
    service.set("database_url", &json!(database));
    service.set("log_format", &json!("text"));
    service.set(
        "return_url_allow_list",
        &json!(["https://other.example.com"]),
    );
    assert!(service.hang_up().await);
    assert_eq!(service.status_for(OTHER).await, 200, "on the same port");
    // They are reported again as long as they differ from those at start.
    assert!(service.hang_up().await);
    service.set("listen", &json!("127.0.0.1:0"));
    assert!(service.hang_up().await);
    let (code, log) = service.stop().await;
    assert_eq!(code, Some(0));
    let reloaded = events(&log, "settings_reloaded");
    let needed: Vec<&Value> = reloaded
        .iter()
        .map(|line| &line["restart_needed"])
        .collect();
    let all = "database_url, listen, log_format";
    assert_eq!(needed, [all, all, "database_url, log_format"]);
    let changed = "database_url, listen, log_format, return_url_allow_list";
    assert_eq!(reloaded[0]["changed"], changed);
    assert_eq!(reloaded[1]["changed"], "");
}
