//! Webhooks that are slow, or many: others do not wait for them.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{RETURN_URL, service};
use crate::harness::database::Database;
use crate::harness::service::send;
use crate::harness::webhook::{customer, event, signed, unix_time};
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
