//! Ten thousand idle connections, a thousand slow ones and a flood of bad keys at once: a good caller is served, and
//! memory stays within its bound.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use super::percentile;
use crate::harness::memory;
use crate::harness::process::Process;
use crate::harness::service::Service;
use crate::harness::webhook::{SECRET, unix_time, unsigned};

const IDLE: usize = 10_000;
const SLOW: usize = 1_000;
const GUESSING: usize = 20;
/// With slow bodies, and with unread answers.
const SLOW_BODIES: usize = 250;
/// What others of this process, and the service, need besides.
const OTHER_FILES: usize = 1_000;
const SAMPLES: usize = 300;
const MAX_SLOWEST: Duration = Duration::from_millis(100);
const MAX_KIB: usize = 150 * 1024;
/// Other programs on the machine may disturb one measurement, not all.
const ATTEMPTS: usize = 3;
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

/// One of 250 addresses.
fn source(number: usize) -> IpAddr {
    let last = u8::try_from(number % 250).unwrap_or(0);
    Ipv4Addr::new(127, 0, 4, last).into()
}

/// How many times fewer connections this machine's limit on open files allows, for both ends of each.
fn share() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("limits");
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    let available = soft.unwrap_or(0).saturating_sub(OTHER_FILES);
    (IDLE + SLOW).div_ceil(available.max(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_slow_and_guessing_clients_leave_a_good_caller_and_memory_alone() {
    let share = share();
    let service = Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", "20")
        .set("MAX_CONNECTIONS", "16000")
        .set("IDLE_TIMEOUT_SECONDS", "600")
        .start()
        .await;
    let process = Process::beside(&service, &[]).await;
    let idle = open_idle(process.api, IDLE / share).await;
    let mut clients = JoinSet::new();
    for number in 0..SLOW / share {
        clients.spawn(be_slow(process.api, source(number)));
    }
    for number in 0..GUESSING {
        clients.spawn(guess(process.api, source(number)));
    }
    sleep(Duration::from_secs(1)).await;
    let mut slowest = Vec::new();
    while slowest.last().is_none_or(|slowest| *slowest >= MAX_SLOWEST) && slowest.len() < ATTEMPTS {
        slowest.push(measure(process.api, service.key()).await);
    }
    let kib = memory::resident_kib(&process);
    println!(
        "{} idle and {} slow connections: {slowest:?}, {kib} KiB",
        idle.len(),
        SLOW / share
    );
    assert!(
        slowest.last().is_some_and(|slowest| *slowest < MAX_SLOWEST),
        "{slowest:?}"
    );
    assert!(kib < MAX_KIB, "{kib} KiB");
    drop(clients);
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_and_unread_answers_leave_a_good_caller_alone() {
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .start()
        .await;
    let process = Process::beside(&service, &[]).await;
    let mut clients = JoinSet::new();
    for number in 0..SLOW_BODIES {
        clients.spawn(drip_a_webhook(process.api, source(number)));
        clients.spawn(read_nothing(process.api, source(number)));
    }
    sleep(Duration::from_secs(1)).await;
    let mut slowest = Vec::new();
    while slowest.last().is_none_or(|slowest| *slowest >= MAX_SLOWEST) && slowest.len() < ATTEMPTS {
        slowest.push(measure(process.api, service.key()).await);
    }
    println!("{SLOW_BODIES} slow bodies, and as many unread answers: {slowest:?}");
    assert!(
        slowest.last().is_some_and(|slowest| *slowest < MAX_SLOWEST),
        "{slowest:?}"
    );
    drop(clients);
    process.kill().await;
}

/// Sends a webhook byte by byte, again and again.
async fn drip_a_webhook(api: SocketAddr, source: IpAddr) {
    let signature = format!("t={},v1={}", unix_time(), "0".repeat(64));
    let head = unsigned(Vec::new())
        .with_header("Stripe-Signature", signature)
        .with_header("Content-Length", "100000")
        .head();
    loop {
        let Ok(mut connection) = ClientConnection::open_from(source, api).await else {
            continue;
        };
        let mut sent = connection.send(&head).await;
        while sent.is_ok() {
            sleep(Duration::from_millis(500)).await;
            sent = connection.send(b" ").await;
        }
    }
}

/// Asks for large files, and reads none.
async fn read_nothing(api: SocketAddr, source: IpAddr) {
    let requests = TestRequest::get("/docs/swagger-ui-bundle.js")
        .head()
        .repeat(4);
    loop {
        let Ok(mut connection) = ClientConnection::open_from(source, api).await else {
            continue;
        };
        _ = connection.send(&requests).await;
        sleep(RESPONSE_LIMIT).await;
    }
}

/// Each has had an answer.
async fn open_idle(api: SocketAddr, count: usize) -> Vec<ClientConnection> {
    let request = TestRequest::get("/").head();
    let mut idle = Vec::new();
    for number in 0..count {
        let connection = ClientConnection::open_from(source(number), api).await;
        let mut connection = connection.expect("it listens");
        connection.send(&request).await.expect("it reads");
        let answer = connection.response("GET", RESPONSE_LIMIT).await;
        assert!(answer.is_some(), "it answers");
        idle.push(connection);
    }
    idle
}

/// Sends a head byte by byte, one each second, again and again.
async fn be_slow(api: SocketAddr, source: IpAddr) {
    let head = TestRequest::portal("nonsense", RETURN_URL).head();
    loop {
        let Ok(mut connection) = ClientConnection::open_from(source, api).await else {
            continue;
        };
        let mut pace = interval(Duration::from_secs(1));
        for byte in &head {
            pace.tick().await;
            if connection.send(&[*byte]).await.is_err() {
                break;
            }
        }
    }
}

/// Tries keys, twenty each second, and is refused.
async fn guess(api: SocketAddr, source: IpAddr) {
    let request =
        TestRequest::portal("am_live_000000000000000000000000000000000000", RETURN_URL).to_bytes();
    let mut pace = interval(Duration::from_millis(50));
    loop {
        pace.tick().await;
        if let Ok(mut connection) = ClientConnection::open_from(source, api).await {
            _ = connection.send(&request).await;
            connection.response("POST", RESPONSE_LIMIT).await;
        }
    }
}

/// The 99th percentile of a caller that opens a connection for each request.
async fn measure(api: SocketAddr, key: &str) -> Duration {
    let portal = TestRequest::portal(key, RETURN_URL).to_bytes();
    let mut took = Vec::new();
    for _ in 0..SAMPLES {
        let began = Instant::now();
        let mut caller = ClientConnection::open(api).await.expect("it listens");
        caller.send(&portal).await.expect("it reads");
        let answer = caller
            .response("POST", RESPONSE_LIMIT)
            .await
            .expect("an answer");
        took.push(began.elapsed());
        assert_eq!(answer.status, 200);
    }
    percentile(took, 99)
}
