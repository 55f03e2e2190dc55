//! Several instances on one database: a change by a command on one machine is seen by all of them.

use std::time::Duration;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use tokio::time::{Instant, sleep};

use crate::harness::rounds::rounds;
use crate::harness::service::{Service, send};

/// Longer than a change takes on a machine that does much else.
const SEEN_LIMIT: Duration = Duration::from_secs(10);

async fn status(service: &Service, key: &str) -> u16 {
    send(service.api(), &TestRequest::portal(key, RETURN_URL))
        .await
        .status
}

/// Waits until the instance answers the key so; answers how long that took since the change.
async fn seen(service: &Service, key: &str, expected: u16, since: Instant) -> Duration {
    while status(service, key).await != expected {
        assert!(since.elapsed() < SEEN_LIMIT, "{expected} is never answered");
        sleep(Duration::from_millis(10)).await;
    }
    since.elapsed()
}

/// Changes a key and its customer in five ways; answers how long after each command every other instance followed it.
async fn change_all(service: &Service, others: [&Service; 2]) -> Vec<Duration> {
    let create = ["key", "create", "--org", "acme", "--scope", "billing:write"];
    let created = service.run(&create).await;
    let text = |field: &str| created[field].as_str().expect("text").to_owned();
    let (id, key) = (text("id"), text("key"));
    let rotated = service.run(&create).await;
    let (rotated_id, rotated_key) = (rotated["id"].as_str(), rotated["key"].as_str());
    let (rotated_id, rotated_key) = (rotated_id.expect("text"), rotated_key.expect("text"));
    let steps: [(&[&str], &str, u16, u16); 4] = [
        (&["customer", "unlink", "--org", "acme"], &key, 200, 409),
        (
            &["customer", "link", "--org", "acme", "cus_acme"],
            &key,
            409,
            200,
        ),
        (&["key", "revoke", &id], &key, 200, 401),
        (
            &["key", "rotate", rotated_id, "--overlap", "0s"],
            rotated_key,
            200,
            401,
        ),
    ];
    let mut took = Vec::new();
    for (command, key, before, after) in steps {
        for other in others {
            seen(other, key, before, Instant::now()).await;
        }
        service.run(command).await;
        let since = Instant::now();
        let (one, two) = tokio::join!(
            seen(others[0], key, after, since),
            seen(others[1], key, after, since),
        );
        took.extend([one, two]);
    }
    took
}

/// The same a few times, each with eight tries, from a service to two instances beside it. Answers the times in their order.
pub(crate) async fn change_times(service: &Service) -> Vec<Duration> {
    let first = Service::builder().start_beside(service).await;
    let second = Service::builder().start_beside(service).await;
    let mut took = Vec::new();
    for _ in 0..rounds(2) {
        took.extend(change_all(service, [&first, &second]).await);
    }
    took.sort();
    println!(
        "{} tries: median {:?}, longest {:?}",
        took.len(),
        took[took.len() / 2],
        took[took.len() - 1]
    );
    took
}

#[tokio::test]
async fn every_change_reaches_two_instances() {
    let service = Service::start().await;
    change_times(&service).await;
}
