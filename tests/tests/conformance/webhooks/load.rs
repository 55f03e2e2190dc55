//! Webhooks that are slow, or many: others do not wait for them.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{RETURN_URL, service};
use crate::harness::database::Database;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, customer, event, signed, unix_time};
use crate::harness::wire::Connection;

#[tokio::test]
async fn a_body_that_comes_too_slowly_gives_its_place_to_others() {
    let service = service().await;
    let ask = signed(&event("evt_1", "customer.created", unix_time(), &json!({})));
    let mut connection = Connection::open(service.api()).await.expect("it listens");
    connection.send(&ask.head()).await.expect("it reads");
    let began = Instant::now();
    let answer = connection.answer("POST", Duration::from_secs(6)).await;
    answer.expect("it answers").assert_error("REQUEST_TIMEOUT");
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn callers_do_not_wait_for_those_who_wait_to_write() {
    let service = service().await;
    let mut database = Database::open(&service).await;
    database.execute("BEGIN IMMEDIATE").await;
    let mut waiting = JoinSet::new();
    for number in 0..12 {
        let object = customer("cus_1", "acme");
        let told = event(
            &format!("evt_{number}"),
            "customer.updated",
            unix_time(),
            &object,
        );
        let (api, told) = (service.api(), signed(&told));
        waiting.spawn(async move { send(api, &told).await.status });
    }
    sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(waiting.join_all().await, [503; 12]);
}

#[tokio::test]
async fn one_who_is_slow_on_purpose_does_not_take_all_places() {
    let proxied = "127.0.0.0/8";
    let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
    let service = builder.set("TRUSTED_PROXIES", proxied).start().await;
    let told = event(
        "evt_1",
        "customer.updated",
        unix_time(),
        &customer("cus_1", "acme"),
    );
    let from = |address: &str| signed(&told).header("X-Forwarded-For", address);
    let mut slow = Vec::new();
    for _ in 0..70 {
        let mut connection = Connection::open(service.api()).await.expect("it listens");
        let head = from("203.0.113.7").head();
        connection.send(&head).await.expect("it reads");
        slow.push(connection);
    }
    sleep(Duration::from_millis(200)).await;
    assert_eq!(send(service.api(), &from("203.0.113.7")).await.status, 503);
    assert_eq!(send(service.api(), &from("198.51.100.1")).await.status, 200);
}
