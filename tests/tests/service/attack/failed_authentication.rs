//! One address tries many keys: the keys are not looked up, take no place from callers whose keys are good, and fill no
//! log.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::harness::busy_connection::BusyConnection;
use crate::harness::database::Database;
use crate::harness::log;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

fn from(address: &str, key: &str) -> TestRequest {
    TestRequest::portal(key, RETURN_URL).with_header("X-Forwarded-For", address)
}

/// A service behind a proxy, with so many failed authentications a minute for each address.
async fn limited_to(failures: &str, max_in_flight: &str) -> Service {
    Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", failures)
        .set("TRUSTED_PROXIES", "127.0.0.0/8")
        .set("MAX_IN_FLIGHT", max_in_flight)
        .set("BODY_TIMEOUT_SECONDS", "600")
        .start()
        .await
}

/// Keys with a good checksum that the service does not know.
async fn unknown_keys(service: &Service, count: usize) -> Vec<String> {
    let mut keys = Vec::new();
    for _ in 0..count {
        keys.push(service.new_key("acme", &["billing:write"]).await);
    }
    let mut database = Database::open(service).await;
    let first = "DELETE FROM api_keys WHERE id <> (SELECT id FROM api_keys ORDER BY id LIMIT 1)";
    database.execute(first).await;
    keys
}

#[tokio::test]
async fn h6_a_limited_address_causes_no_look_up() {
    let service = limited_to("3", "256").await;
    let keys = unknown_keys(&service, 12).await;
    assert_eq!(
        service
            .send(&from("203.0.113.1", service.key()))
            .await
            .status,
        200
    );
    for key in &keys[..3] {
        service
            .send(&from("203.0.113.1", key))
            .await
            .assert_error("UNAUTHORIZED");
    }
    service
        .send(&from("203.0.113.1", &keys[3]))
        .await
        .assert_error("RATE_LIMITED");
    // From now on each look-up fails.
    let mut database = Database::open(&service).await;
    database
        .execute("ALTER TABLE api_keys RENAME TO taken_away")
        .await;
    for key in &keys[4..8] {
        let limited = service.send(&from("203.0.113.1", key)).await;
        limited
            .assert_error("RATE_LIMITED")
            .assert_retry_after(1..=20);
    }
    for malformed in ["nonsense", "am_live_short", ""] {
        let limited = service.send(&from("203.0.113.1", malformed)).await;
        limited.assert_error("RATE_LIMITED");
    }
    let looked_up = service.send(&from("203.0.113.2", &keys[8])).await;
    looked_up.assert_error("SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn h6_a_limited_address_takes_no_place() {
    let service = limited_to("1", "1").await;
    let keys = unknown_keys(&service, 3).await;
    for code in ["UNAUTHORIZED", "RATE_LIMITED"] {
        service
            .send(&from("203.0.113.1", &keys[0]))
            .await
            .assert_error(code);
    }
    let good = from("203.0.113.9", service.key());
    let occupying = BusyConnection::send(service.api(), Ipv4Addr::LOCALHOST.into(), good).await;
    for key in [keys[1].as_str(), keys[2].as_str(), "nonsense"] {
        let limited = service.send(&from("203.0.113.1", key)).await;
        limited.assert_error("RATE_LIMITED");
    }
    let other = service.send(&from("203.0.113.2", "nonsense")).await;
    other.assert_error("SERVICE_UNAVAILABLE");
    assert_eq!(occupying.finish().await.0.status, 200);
}

#[tokio::test]
async fn h6_keys_that_were_good_pass_from_a_limited_address() {
    let service = limited_to("20", "256").await;
    let unused = service.new_key("acme", &["billing:write"]).await;
    let revoked = service
        .run(&["key", "create", "--org", "acme", "--scope", "billing:write"])
        .await;
    let text = |field: &str| revoked[field].as_str().expect("text").to_owned();
    let (revoked_id, revoked) = (text("id"), text("key"));
    let call = async |key: &str| service.send(&from("203.0.113.1", key)).await;
    for key in [service.key(), &revoked] {
        assert_eq!(call(key).await.status, 200);
    }
    for _ in 0..20 {
        call("nonsense").await.assert_error("UNAUTHORIZED");
    }
    // One more is allowed in each three seconds, and they begin while a busy machine sends the others.
    while call("nonsense").await.header("retry-after") != Some("3") {}
    assert_eq!(call(service.key()).await.status, 200);
    call(&unused).await.assert_error("RATE_LIMITED");
    service.run(&["key", "revoke", &revoked_id]).await;
    sleep(Duration::from_secs(1)).await;
    assert_ne!(
        call(&revoked).await.status,
        200,
        "it was good, and is not any more"
    );
    // A caller who waits as long as the answer says gets in, though the key was never used.
    sleep(Duration::from_millis(3_100)).await;
    assert_eq!(call(&unused).await.status, 200);
    assert_eq!(call(service.key()).await.status, 200);
}

#[tokio::test]
async fn h6_many_unknown_keys_of_many_addresses_leave_places_for_good_callers() {
    let service = limited_to("0", "4").await;
    let keys = unknown_keys(&service, 40).await;
    assert_eq!(
        service
            .send(&from("198.51.100.1", service.key()))
            .await
            .status,
        200
    );
    let mut guessing = JoinSet::new();
    for number in 0..200 {
        let key = &keys[number % keys.len()];
        let (api, request) = (service.api(), from(&format!("203.0.113.{number}"), key));
        guessing.spawn(async move { send(api, &request).await.status });
    }
    for _ in 0..20 {
        let answer = service.send(&from("198.51.100.1", service.key())).await;
        assert_eq!(answer.status, 200);
    }
    let answers = guessing.join_all().await;
    assert!(
        answers.iter().all(|status| matches!(status, 401 | 503)),
        "{answers:?}"
    );
}

#[tokio::test]
async fn m5_refusals_of_a_limited_address_are_counted_and_logged_once_a_minute() {
    const REFUSALS: usize = 50;
    let service = limited_to("1", "256").await;
    let process = Process::beside(&service, &[]).await;
    let attackers = ["203.0.113.1", "203.0.113.2", "2001:db8:0:1::1"];
    for address in attackers {
        send(process.api, &from(address, "nonsense"))
            .await
            .assert_error("UNAUTHORIZED");
        for number in 0..REFUSALS {
            let path = format!("/v1/billing/portal?{}", "x".repeat(number * 100));
            let request = from(address, "nonsense").with_path(&path);
            send(process.api, &request)
                .await
                .assert_error("RATE_LIMITED");
        }
    }
    let metrics = send(process.operations, &TestRequest::get("/metrics")).await;
    let refused = REFUSALS * attackers.len();
    for counted in [
        format!("\nbilling_portal_limited_addresses_total {refused}\n"),
        format!(
            "\nbilling_portal_requests_total{{code=\"RATE_LIMITED\",status=\"429\"}} {refused}\n"
        ),
    ] {
        assert!(metrics.text().contains(&counted), "{counted}");
    }
    process.terminate().await;
    let (_, text) = process.end().await;
    let lines = log::lines(&text);
    let of = |status: u16| lines.iter().filter(move |line| line["status"] == status);
    assert_eq!(of(401).count(), attackers.len());
    let logged: Vec<_> = of(429)
        .map(|line| (&line["left_out"], &line["span"]["client"]))
        .collect();
    let expected = attackers.map(|address| (0.into(), address.into()));
    let expected: Vec<_> = expected
        .iter()
        .map(|(left_out, client)| (left_out, client))
        .collect();
    assert_eq!(logged, expected);
}
