//! API keys: their form, what they allow, when they end, and what is kept of them.

mod lifetime;
mod unwritable_output;

use crate::harness::service::Service;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

/// A key with a correct checksum, computed independently of the service: CRC-32/ISO-HDLC, bit by bit, in base62, the highest digit first.
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
        .send(&TestRequest::portal(key, RETURN_URL))
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
            .send(&TestRequest::portal(&key, RETURN_URL))
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
        let answer = service.send(&TestRequest::portal(key, RETURN_URL)).await;
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
