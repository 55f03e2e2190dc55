//! Settings that are wrong: the reload is refused with an alert, and those before stay in use.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use billing_portal_tests::http_message::RETURN_URL;
use serde_json::json;

use super::events;
use crate::harness::configured::ConfiguredProcess;

const OTHER: &str = "https://other.example.com/";

/// Reloads after this change, which is wrong, together with one that is good. Nothing changes, and the alert says this.
async fn is_refused(change: impl FnOnce(&mut ConfiguredProcess), problem: &str) {
    let mut service = ConfiguredProcess::start(&[]).await;
    service.set(
        "return_url_allow_list",
        &json!(["https://other.example.com"]),
    );
    change(&mut service);
    assert!(!service.hang_up().await, "{problem}");
    assert_eq!(service.readiness().await["generation"], 1);
    assert_eq!(service.status_for(OTHER).await, 422, "{problem}");
    assert_eq!(service.status_for(RETURN_URL).await, 200, "{problem}");
    let (code, log) = service.stop().await;
    assert_eq!(code, Some(0));
    let [alert] = events(&log, "reload_refused")[..] else {
        panic!("one alert: {log:?}");
    };
    assert_eq!(
        (&alert["alert"], &alert["generation"]),
        (&json!(true), &json!(1))
    );
    let problems = alert["problems"].as_str().expect("text");
    assert!(problems.contains(problem), "{problems}");
}

#[tokio::test]
async fn s17_a_file_that_is_no_toml_is_refused() {
    is_refused(|service| service.write("listen = \"127.0.0.1"), "line 1: ").await;
}

#[tokio::test]
async fn s17_a_file_that_is_gone_is_refused() {
    let remove = |service: &mut ConfiguredProcess| {
        fs::remove_file(service.config()).expect("our file");
    };
    is_refused(remove, "billing-portal.toml").await;
}

#[tokio::test]
async fn s17_an_unknown_setting_is_refused() {
    let mistyped = |service: &mut ConfiguredProcess| service.set("max_in_fligth", &json!(8));
    is_refused(mistyped, "did you mean max_in_flight?").await;
}

#[tokio::test]
async fn s17_a_bad_entry_of_the_allow_list_is_refused() {
    let path = |service: &mut ConfiguredProcess| {
        service.set(
            "return_url_allow_list",
            &json!(["https://other.example.com/path"]),
        );
    };
    is_refused(path, "return_url_allow_list: ").await;
}

#[tokio::test]
async fn s17_an_empty_allow_list_is_refused() {
    let empty = |service: &mut ConfiguredProcess| service.set("return_url_allow_list", &json!([]));
    is_refused(empty, "return_url_allow_list: must not be empty").await;
}

#[tokio::test]
async fn s17_a_secret_file_that_is_gone_is_refused() {
    let remove = |service: &mut ConfiguredProcess| {
        fs::remove_file(service.secret_file("stripe_secret_key")).expect("our file");
    };
    is_refused(remove, "stripe_secret_key: ").await;
}

#[tokio::test]
async fn s17_a_secret_file_that_others_can_write_is_refused() {
    let open = |service: &mut ConfiguredProcess| {
        let file = service.secret_file("stripe_secret_key");
        fs::set_permissions(file, fs::Permissions::from_mode(0o666)).expect("our file");
    };
    is_refused(open, "stripe_secret_key: ").await;
}

#[tokio::test]
async fn s17_a_secret_of_the_other_mode_is_refused() {
    let test = |service: &mut ConfiguredProcess| {
        service.set_secret("stripe_secret_key", "sk_test_0000000000000000");
    };
    is_refused(
        test,
        "stripe_secret_key: is of mode test, and the service runs in mode live",
    )
    .await;
}

#[tokio::test]
async fn s17_a_limit_out_of_its_range_is_refused() {
    let zero = |service: &mut ConfiguredProcess| service.set("max_in_flight", &json!(0));
    is_refused(zero, "max_in_flight: must be a whole number from 1").await;
}

#[tokio::test]
async fn s17_all_problems_are_reported_together() {
    let mut service = ConfiguredProcess::start(&[]).await;
    service.set("log", &json!("wrning"));
    service.set("listen", &json!(":8080"));
    assert!(!service.hang_up().await);
    // The file is corrected, and the next reload succeeds.
    service.set("log", &json!("warn"));
    service.set("listen", &json!("127.0.0.1:0"));
    assert!(service.hang_up().await);
    let (_, log) = service.stop().await;
    let problems = events(&log, "reload_refused")[0]["problems"].to_string();
    assert!(
        problems.contains("log: ") && problems.contains("listen: "),
        "{problems}"
    );
}
