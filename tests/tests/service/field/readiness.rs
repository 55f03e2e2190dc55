//! S5 and S22: when an instance is ready, and whether its database can be written.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;
use std::time::Duration;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::service_process::ServiceProcess;
use billing_portal_tests::stripe::{Endpoint, Reply, SimulatedStripe};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::harness::database::Database;
use crate::harness::process;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, customer, event, signed, unix_time};

/// Longer than a write waits for a lock, and than the check that follows.
const CHECKED_WITHIN: Duration = Duration::from_secs(40);
/// The user that a container often has: nobody.
const NOBODY: u32 = 65_534;

async fn service() -> Service {
    let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
    builder.start().await
}

/// The status of a delivery that has to write.
async fn deliver(service: &Service, id: &str) -> u16 {
    let created = event(
        id,
        "customer.created",
        unix_time(),
        &customer("cus_1", "fresh"),
    );
    send(service.api(), &signed(&created)).await.status
}

/// Waits until `/readyz` shows this; the instance is ready all the time.
async fn until_writable(service: &Service, expected: bool) {
    let began = Instant::now();
    loop {
        let readiness = service.readiness().await;
        assert_eq!(
            (readiness.status, &readiness.json()["ready"]),
            (200, &json!(true))
        );
        if readiness.json()["store_writable"] == expected {
            return;
        }
        assert!(began.elapsed() < CHECKED_WITHIN, "{}", readiness.text());
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn s5_a_lock_that_another_process_holds_is_seen_and_portals_go_on_opening() {
    let service = service().await;
    service.organization("fresh", None).await;
    until_writable(&service, true).await;
    let mut other = Database::open(&service).await;
    other.lock_writers().await;
    assert_eq!(
        deliver(&service, "evt_1").await,
        503,
        "Stripe delivers it again"
    );
    until_writable(&service, false).await;
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    other.unlock_writers().await;
    assert_eq!(deliver(&service, "evt_1").await, 200);
    until_writable(&service, true).await;
}

/// A statement within a transaction fails, as each does when the disk is full.
async fn fails_within_a_transaction(trigger: &'static str, writable: bool) {
    // The trigger is written for SQLite.
    let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
    let service = builder.sqlite().start().await;
    service.organization("fresh", None).await;
    let mut other = Database::open(&service).await;
    other.execute(trigger).await;
    assert_eq!(deliver(&service, "evt_1").await, 503, "{trigger}");
    // The next periodic check comes later than the wait ends.
    until_writable(&service, writable).await;
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    other.execute("DROP TRIGGER full").await;
    assert_eq!(deliver(&service, "evt_1").await, 200, "{trigger}");
    until_writable(&service, true).await;
}

#[tokio::test]
async fn s5_a_statement_that_fails_within_a_transaction_has_the_database_checked() {
    let every = "CREATE TRIGGER full BEFORE INSERT ON stripe_events BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    fails_within_a_transaction(every, false).await;
    let whole = "CREATE TRIGGER full BEFORE INSERT ON stripe_events BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END";
    fails_within_a_transaction(whole, false).await;
    let at_the_end = "CREATE TRIGGER full AFTER INSERT ON stripe_events BEGIN SELECT RAISE(FAIL, 'disk full'); END";
    fails_within_a_transaction(at_the_end, false).await;
    // What the check writes can still be written.
    let one = "CREATE TRIGGER full BEFORE INSERT ON customers BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    fails_within_a_transaction(one, true).await;
}

/// A service on the database of another one, as a user that may only read the file.
async fn read_only(service: &Service) -> ServiceProcess {
    let database = service.database();
    let folder = database.parent().expect("a folder");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("our folder");
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", database.display());
        fs::set_permissions(file, fs::Permissions::from_mode(0o444)).expect("our file");
    }
    let mut command = process::command(&["serve"], service.variables());
    // The owner may not write either; only root may always.
    if fs::metadata(&database).expect("the file").uid() == 0 {
        let binary = folder.join("billing-portal");
        fs::copy(command.as_std().get_program(), &binary).expect("a copy for the other user");
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).expect("our copy");
        let variables = service.variables().iter().cloned();
        command = tokio::process::Command::new(binary);
        command
            .arg("serve")
            .env_clear()
            .envs(variables)
            .current_dir(folder)
            .uid(NOBODY);
    }
    let mut process = ServiceProcess::start(command).await.expect("it starts");
    process
        .until_it_opens_portals()
        .await
        .expect("it opens portals");
    process
}

#[tokio::test]
async fn s5_a_database_that_cannot_be_written_is_reported_and_portals_open() {
    let service = Service::builder()
        .sqlite()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .start()
        .await;
    let key = service.key().to_owned();
    let process = read_only(&service).await;
    let readiness = process.readiness().await.expect("it answers");
    assert_eq!(readiness.status, 200);
    assert_eq!(
        readiness.json()["store_writable"],
        false,
        "{}",
        readiness.text()
    );
    let portal = TestRequest::portal(&key, RETURN_URL);
    assert_eq!(send(process.api, &portal).await.status, 200);
    let created = event(
        "evt_1",
        "customer.created",
        unix_time(),
        &customer("cus_1", "acme"),
    );
    let answer = send(process.api, &signed(&created)).await;
    answer.assert_error("SERVICE_UNAVAILABLE");
    process.terminate().await.expect("the signal is sent");
    let (_, log) = process.end().await.expect("it ends");
    let alerts: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["event"] == "store_not_writable")
        .collect();
    assert_eq!(alerts.len(), 1, "once: {log}");
    assert_eq!(alerts[0]["alert"], true);
}

#[tokio::test]
async fn s5_doctor_proves_that_the_database_can_be_written() {
    let service = service().await;
    let check = async || {
        let doctor = service.command(&["doctor", "--json"]).await;
        let doctor: Value = serde_json::from_str(&doctor.stdout).expect("JSON");
        let checks = doctor["checks"].as_array().expect("checks").clone();
        let check = checks.into_iter().find(|check| check["name"] == "database");
        check.expect("the check")["ok"].clone()
    };
    assert_eq!(check().await, true);
    let mut other = Database::open(&service).await;
    other.lock_writers().await;
    assert_eq!(check().await, false);
    other.unlock_writers().await;
    assert_eq!(check().await, true);
}

/// How long the first verification takes, and whether an instance may be ready before.
async fn first_call(configurations: Reply) -> (Duration, Value, u16) {
    let stripe = SimulatedStripe::builder().start().await;
    let stripe = Arc::new(stripe.expect("a free port"));
    stripe.answer_always(Endpoint::Configurations, configurations);
    let began = Instant::now();
    let service = Service::builder().stripe(&stripe).start_unverified().await;
    loop {
        let readiness = service.readiness().await;
        if readiness.status == 200 {
            let first = service.create_portal_session(RETURN_URL).await;
            return (began.elapsed(), readiness.json().clone(), first.status);
        }
        assert_eq!(readiness.json()["starting"], true, "{}", readiness.text());
        assert!(began.elapsed() < CHECKED_WITHIN, "it becomes ready");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn s22_an_instance_is_ready_only_after_the_first_verification() {
    for _ in 0..20 {
        let service = Service::builder().start_unverified().await;
        while service.readiness().await.status != 200 {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    }
}

#[tokio::test]
async fn s22_an_instance_becomes_ready_although_the_verification_fails() {
    let (_, readiness, first) = first_call(Reply::status(401)).await;
    assert_eq!((&readiness["starting"], first), (&json!(false), 502));
    let (elapsed, readiness, first) = first_call(Reply::hang()).await;
    assert_eq!((&readiness["starting"], first), (&json!(false), 502));
    assert!(elapsed >= Duration::from_secs(4), "{elapsed:?}");
}
