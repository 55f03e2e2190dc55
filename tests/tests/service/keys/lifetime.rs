//! How long a key lasts, and what is recorded of it.

use super::status;
use crate::harness::database::Database;
use crate::harness::service::Service;
use billing_portal_server::clock::Clock;
use chrono::DateTime;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn a_changed_key_takes_effect_within_a_second() {
    let service = Service::start().await;
    let created = service
        .run(&["key", "create", "--org", "acme", "--scope", "billing:write"])
        .await;
    let (id, key) = (
        created["id"].as_str().expect("an id"),
        created["key"].as_str().expect("a key"),
    );
    let changes: [(&[&str], u16, u16); 3] = [
        (&["customer", "unlink", "--org", "acme"], 200, 409),
        (&["customer", "link", "--org", "acme", "cus_acme"], 409, 200),
        (&["key", "revoke", id], 200, 401),
    ];
    for (change, before, after) in changes {
        assert_eq!(status(&service, key).await, before, "before {change:?}");
        let since = Instant::now();
        service.run(change).await;
        while status(&service, key).await != after {
            assert!(since.elapsed() < Duration::from_secs(1), "after {change:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn the_day_of_the_last_use_is_recorded() {
    let service = Service::builder().now("2099-02-03T04:05:06Z").start().await;
    assert_eq!(
        service.run(&["key", "list", "--org", "acme"]).await[0].get("last_used_on"),
        None
    );
    assert_eq!(status(&service, service.key()).await, 200);
    let used = Instant::now();
    while service.run(&["key", "list", "--org", "acme"]).await[0]["last_used_on"] != "2099-02-03" {
        assert!(
            used.elapsed() < Duration::from_secs(30),
            "it is written soon"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_key_expires_to_the_second() {
    let start = DateTime::parse_from_rfc3339("2099-01-01T00:00:00Z")
        .expect("a time")
        .timestamp();
    let seconds = Arc::new(AtomicI64::new(start));
    let hand = Arc::clone(&seconds);
    let clock = move || DateTime::from_timestamp(hand.load(Ordering::Relaxed), 0).expect("a time");
    let service = Service::builder()
        .clock(Clock::from_fn(clock))
        .start()
        .await;
    let mut database = Database::open(&service).await;
    database
        .execute("UPDATE api_keys SET expires_at = 4070908810")
        .await;
    for (now, expected) in [(start + 9, 200), (start + 10, 401), (start + 9, 200)] {
        seconds.store(now, Ordering::Relaxed);
        assert_eq!(status(&service, service.key()).await, expected, "at {now}");
    }
}

#[tokio::test]
async fn the_database_holds_no_key() {
    let service = Service::builder().sqlite().start().await;
    assert_eq!(status(&service, service.key()).await, 200);
    let mut searched = 0;
    for file in fs::read_dir(service.directory()).expect("readable") {
        let content = fs::read(file.expect("a file").path()).expect("readable");
        let parts = [
            service.key(),
            &service.key()[8..38],
            &service.key()[8..20],
            &service.stripe.secret()[8..],
        ];
        for part in parts.map(str::as_bytes) {
            assert!(!content.windows(part.len()).any(|window| window == part));
        }
        searched += content.len();
    }
    assert!(searched > 4096, "the database was looked at");
}
