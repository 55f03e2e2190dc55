//! The process is killed at any moment and started again: nothing is lost, and nothing is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::database::Database;
use crate::harness::process::{self, Process};
use crate::harness::service::Service;
use crate::harness::webhook::{SECRET, customer, event, signed, unix_time};
use crate::webhooks;
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::TestRequest;

const CUSTOMERS: usize = 6_000;
const EVENTS: usize = 400;
const AT_ONCE: usize = 8;

/// Nobody reads the log before the end, and there is only so much room for it.
const QUIET: &[(&str, &str)] = &[("LOG", "error,billing_portal_server::service=info")];

/// Every mapping that is active.
async fn mappings(service: &Service) -> BTreeMap<String, String> {
    let links = service.run(&["customer", "list"]).await;
    let links = links.as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    links
        .filter(|link| link["state"] == "active")
        .map(|link| (text(&link["org"]), text(&link["customer"])))
        .collect()
}

#[tokio::test]
async fn a_killed_import_can_be_run_again() {
    let service = Service::start().await;
    let mut expected = BTreeMap::from([("acme".to_owned(), "cus_acme".to_owned())]);
    let mut text = String::from("org,customer\n");
    for number in 0..CUSTOMERS {
        let (org, customer) = (format!("org-{number}"), format!("cus_{number}"));
        writeln!(text, "{org},{customer}").expect("memory can be written");
        expected.insert(org, customer);
    }
    let file = service.file("customers.csv");
    fs::write(&file, text).expect("the file is written");
    let arguments = [
        "customer",
        "import",
        file.to_str().expect("it is text"),
        "--json",
    ];

    let (mut limit, mut kills, mut before) = (Duration::from_millis(150), 0, 1);
    let answer = loop {
        let mut command = process::command(&arguments, service.variables());
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let child = child.spawn().expect("the binary runs");
        // When the time is over the process is killed, for its handle is dropped.
        if let Ok(output) = timeout(limit, child.wait_with_output()).await {
            break output.expect("it can be waited for");
        }
        kills += 1;
        // By a factor, so that a slow machine and a slow database also come to the end.
        limit = limit * 3 / 2;
        let kept = mappings(&service).await;
        let organizations = service.run(&["org", "list"]).await;
        let organizations = organizations.as_array().map_or(0, Vec::len);
        assert!(kept.len() >= before, "what was kept stays");
        assert_eq!(
            organizations,
            kept.len(),
            "no organization without its customer"
        );
        before = kept.len();
    };
    assert!(answer.status.success());
    assert!(kills > 0, "it was killed at least once");
    assert_eq!(mappings(&service).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_stored_once_even_if_the_service_is_killed() {
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .start()
        .await;
    let mut text = String::from("org,customer\n");
    for number in 0..EVENTS {
        writeln!(text, "org-{number},cus_before_{number}").expect("memory can be written");
    }
    let file = service.file("customers.csv");
    fs::write(&file, text).expect("the file is written");
    service
        .run(&["customer", "import", file.to_str().expect("it is text")])
        .await;

    // As if Stripe had named them: events do not replace what an operator has imported.
    let mut database = Database::open(&service).await;
    database
        .execute("UPDATE customers SET source = 'stripe'")
        .await;

    let mut waiting: BTreeSet<usize> = (0..EVENTS).collect();
    for round in 0..5 {
        let process = Process::beside(&service, QUIET).await;
        let delivered = deliver(
            process.api,
            &waiting,
            Duration::from_millis(60 + 45 * round),
        )
        .await;
        process.kill().await;
        waiting.retain(|number| !delivered.contains(number));
        let kept = mappings(&service).await;
        for number in delivered {
            assert_eq!(
                kept[&format!("org-{number}")],
                format!("cus_{number}"),
                "it was answered 200"
            );
        }
    }
    // Stripe repeats what was not answered and, by its own count, some of what was.
    let process = Process::beside(&service, QUIET).await;
    let all = (0..EVENTS).collect();
    let delivered = deliver(process.api, &all, Duration::from_mins(1)).await;
    assert_eq!(delivered.len(), EVENTS);
    let applied = webhooks::count(process.operations, "applied").await;
    let repeated = webhooks::count(process.operations, "repeated").await;
    assert_eq!(applied + repeated, EVENTS);
    assert!(
        repeated >= EVENTS - waiting.len(),
        "what was answered 200 is applied once"
    );
    let kept = mappings(&service).await;
    assert!((0..EVENTS).all(|number| kept[&format!("org-{number}")] == format!("cus_{number}")));
}

/// Delivers these events until the time is over; answers which were answered 200.
async fn deliver(
    api: std::net::SocketAddr,
    numbers: &BTreeSet<usize>,
    time: Duration,
) -> BTreeSet<usize> {
    let mut delivered = BTreeSet::new();
    let mut sending = JoinSet::new();
    let sent = async {
        for &number in numbers {
            let object = customer(&format!("cus_{number}"), &format!("org-{number}"));
            let id = format!("evt_{number}");
            let request = signed(&event(&id, "customer.updated", unix_time() + 1, &object));
            sending.spawn(async move { (number, try_send(api, &request).await) });
            if sending.len() == AT_ONCE
                && let Some(Ok((number, Some(200)))) = sending.join_next().await
            {
                delivered.insert(number);
            }
        }
    };
    if timeout(time, sent).await.is_err() {
        return delivered;
    }
    while let Some(Ok((number, status))) = sending.join_next().await {
        if status == Some(200) {
            delivered.insert(number);
        }
    }
    delivered
}

/// The status, if the service lives to tell it.
async fn try_send(api: std::net::SocketAddr, request: &TestRequest) -> Option<u16> {
    let mut connection = ClientConnection::open(api).await.ok()?;
    connection.send(&request.head()).await.ok()?;
    connection.send(&request.body).await.ok()?;
    let answer = connection
        .response(&request.method, Duration::from_secs(30))
        .await?;
    Some(answer.status)
}
