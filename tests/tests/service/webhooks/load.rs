//! Webhooks that are slow, or many: others do not wait for them.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{RETURN_URL, active, mapping, service};
use crate::harness::database::Database;
use crate::harness::process;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, customer, event, signed, unix_time};
use billing_portal_tests::http_client::ClientConnection;

#[tokio::test]
async fn a_slow_webhook_body_releases_its_memory() {
    let service = service().await;
    let request = signed(&event("evt_1", "customer.created", unix_time(), &json!({})));
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    connection.send(&request.head()).await.expect("it reads");
    // Sooner than other bodies, which may take ten seconds.
    let answer = connection.response("POST", Duration::from_secs(6)).await;
    answer.expect("it answers").assert_error("REQUEST_TIMEOUT");
}

#[tokio::test]
async fn callers_do_not_wait_for_pending_writes() {
    let service = service().await;
    let mut database = Database::open(&service).await;
    database.lock_writers().await;
    let mut waiting = JoinSet::new();
    for number in 0..12 {
        let object = customer("cus_1", "acme");
        let update = event(
            &format!("evt_{number}"),
            "customer.updated",
            unix_time(),
            &object,
        );
        let (api, update) = (service.api(), signed(&update));
        waiting.spawn(async move { send(api, &update).await.status });
    }
    sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    let caller = began.elapsed();
    assert_eq!(waiting.join_all().await, [503; 12]);
    let writers = began.elapsed();
    assert!(caller < writers / 4, "{caller:?}, writers {writers:?}");
}

#[tokio::test]
async fn a_slow_sender_does_not_block_others() {
    let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
    let service = builder.set("TRUSTED_PROXIES", "127.0.0.0/8").start().await;
    let update = event(
        "evt_1",
        "customer.updated",
        unix_time(),
        &customer("cus_1", "acme"),
    );
    let from = |address: &str| signed(&update).with_header("X-Forwarded-For", address);
    let mut slow = Vec::new();
    for _ in 0..20 {
        let head = from("203.0.113.7")
            .with_header("Content-Length", "1000000")
            .head();
        let mut connection = ClientConnection::open(service.api())
            .await
            .expect("it listens");
        connection.send(&head).await.expect("it reads");
        slow.push(connection);
    }
    sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    assert_eq!(send(service.api(), &from("198.51.100.1")).await.status, 200);
    let other = began.elapsed();
    for mut connection in slow {
        let answer = connection.response("POST", Duration::from_secs(6)).await;
        // What was announced and not sent takes no memory.
        let answer = answer.expect("it answers");
        answer.assert_error("REQUEST_TIMEOUT");
    }
    let slowest = began.elapsed();
    assert!(other < slowest / 4, "{other:?}, slow senders {slowest:?}");
}

#[tokio::test]
async fn many_concurrent_events_are_all_stored() {
    let service = service().await;
    service.organization("fresh", None).await;
    let mut sending = JoinSet::new();
    for number in 0..150 {
        let object = customer(&format!("cus_{number:03}"), "fresh");
        let update = event(
            &format!("evt_{number}"),
            "customer.updated",
            unix_time() - 150 + number,
            &object,
        );
        let (api, update) = (service.api(), signed(&update));
        sending.spawn(async move { send(api, &update).await.status });
    }
    assert_eq!(sending.join_all().await, [200; 150]);
    assert_eq!(mapping(&service, "fresh").await, active("cus_149"));
}

#[tokio::test]
async fn events_are_stored_during_an_import() {
    let service = service().await;
    let rows = (0..12_000).map(|number| format!("org-{number},cus_{number}\n"));
    let file = service.file("customers.csv");
    std::fs::write(&file, rows.collect::<String>()).expect("the file is written");
    let import = ["customer", "import", file.to_str().expect("it is text")];
    let mut command = process::command(&import, service.variables());
    let mut importing = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut delivered = 0;
    while importing
        .try_wait()
        .expect("it can be waited for")
        .is_none()
    {
        let object = customer("cus_1x", "acme");
        let update = event(
            &format!("evt_{delivered}"),
            "customer.updated",
            unix_time(),
            &object,
        );
        assert_eq!(send(service.api(), &signed(&update)).await.status, 200);
        delivered += 1;
        sleep(Duration::from_millis(20)).await;
    }
    assert!(delivered > 10, "{delivered} while it ran");
}
