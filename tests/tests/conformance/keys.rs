//! API keys: their form, what they allow, when they end, and what is kept of them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use billing_portal_server::clock::Clock;
use chrono::DateTime;
use tokio::time::{Instant, sleep};

use crate::harness::database::Database;
use crate::harness::service::Service;
use conformance::http_message::{RETURN_URL, TestRequest};

/// A key with a good checksum, computed here anew: CRC-32/ISO-HDLC, bit by bit, in base62, the highest digit first.
pub(crate) fn well_formed(prefix: &str, random: &str) -> String {
    let base62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let text = format!("{prefix}{random}");
    let crc = !text.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    });
    let digit = |place: u32| char::from(base62[(crc / 62_u32.pow(place) % 62) as usize]);
    let checksum: String = (0..6).rev().map(digit).collect();
    format!("{text}{checksum}")
}

async fn status(service: &Service, key: &str) -> u16 {
    service
        .ask(&TestRequest::portal(key, RETURN_URL))
        .await
        .status
}

#[tokio::test]
async fn a_key_is_prefix_thirty_random_characters_and_their_checksum() {
    let service = Service::start().await;
    for _ in 0..20 {
        let key = service.new_key("acme", &["billing:write"]).await;
        assert_eq!(key.len(), 44);
        assert_eq!(key, well_formed("am_live_", &key[8..38]));
    }
}

#[tokio::test]
async fn a_test_deployment_creates_and_accepts_test_keys_only() {
    let service = Service::builder().secret("rk_test_simulated").start().await;
    assert!(service.key().starts_with("am_test_"));
    assert_eq!(status(&service, service.key()).await, 200);
    let live = service
        .run(&[
            "key",
            "create",
            "--org",
            "acme",
            "--scope",
            "billing:write",
            "--mode",
            "live",
        ])
        .await;
    let live = live["key"].as_str().expect("a key");
    assert!(live.starts_with("am_live_"));
    assert_eq!(status(&service, live).await, 401);
}

#[tokio::test]
async fn nothing_but_the_exact_scope_opens_the_portal() {
    let service = Service::start().await;
    let both = service
        .new_key("acme", &["messages:send", "billing:write"])
        .await;
    assert_eq!(status(&service, &both).await, 200);
    for scopes in [
        &["billing:read"][..],
        &["billing:writer"],
        &["xbilling:write"],
        &["billing:write-x"],
        &[],
    ] {
        let key = service.new_key("acme", scopes).await;
        service
            .ask(&TestRequest::portal(&key, RETURN_URL))
            .await
            .assert_error("FORBIDDEN");
    }
}

#[tokio::test]
async fn every_kind_of_bad_key_gets_the_same_response() {
    let service = Service::start().await;
    let keys = service.fixtures().await;
    let other_mode = well_formed("am_test_", &"0".repeat(30));
    let mut answers = Vec::new();
    for key in [
        "",
        "nonsense",
        &keys["REVOKED"],
        &keys["EXPIRED"],
        &keys["UNKNOWN"],
        &other_mode,
    ] {
        let answer = service.ask(&TestRequest::portal(key, RETURN_URL)).await;
        answer.assert_error("UNAUTHORIZED");
        let names: Vec<String> = answer
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        answers.push(names);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the same headers too");
}

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
            used.elapsed() < Duration::from_secs(2),
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
    let service = Service::start().await;
    assert_eq!(status(&service, service.key()).await, 200);
    let mut searched = 0;
    for file in fs::read_dir(service.database().parent().expect("a directory")).expect("readable") {
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
