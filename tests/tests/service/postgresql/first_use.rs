//! Many callers begin to use a new key at the same time.

use std::time::Duration;

use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use sqlx::{Connection, Executor, PgConnection};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::setup::cluster;
use crate::harness::service::{Service, send};
use crate::harness::test_database::TestDatabase;
use crate::keys::well_formed;

/// So many that they would wait for more than a second if each held its turn until its request was handled.
const CALLERS: usize = 3_000;
/// How long a look-up takes: shorter than its timeout.
const LOOK_UP: Duration = Duration::from_millis(200);
/// Other programs on the machine may delay a look-up beyond its timeout, not in each attempt.
const ATTEMPTS: usize = 3;
/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// Look-ups of one key: that of the first caller, another after the database's counter moved or a caller who left.
const FEW: f64 = 5.0;

async fn look_ups(service: &Service) -> f64 {
    let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
    let name = r#"billing_portal_database_duration_seconds_count{operation="find_caller"} "#;
    let mut lines = metrics.text().lines();
    let count = lines.find_map(|line| line.strip_prefix(name));
    count.expect("it is shown").parse().expect("a number")
}

async fn service_on(url: &str) -> Service {
    let many = "6000";
    Service::builder()
        .database(TestDatabase::at(url))
        .set("MAX_CONNECTIONS", many)
        .set("MAX_CONNECTIONS_PER_PEER", many)
        .set("MAX_IN_FLIGHT", many)
        .start()
        .await
}

/// Nobody can read a key until this is dropped.
async fn lock_keys(url: &str) -> PgConnection {
    let mut connection = PgConnection::connect(url).await.expect("it listens");
    let lock = "BEGIN; LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE";
    connection.execute(lock).await.expect("it is locked");
    connection
}

/// Callers who have connected.
async fn connect(service: &Service, number: usize) -> Vec<ClientConnection> {
    let mut open = Vec::new();
    for _ in 0..number {
        let opened = ClientConnection::open(service.api()).await;
        open.push(opened.expect("it is accepted"));
    }
    open
}

/// The callers send the request at once; the status of each.
fn send_at_once(callers: Vec<ClientConnection>, request: &TestRequest) -> JoinSet<Option<u16>> {
    let mut answers = JoinSet::new();
    for mut caller in callers {
        let bytes = request.to_bytes();
        answers.spawn(async move {
            caller.send(&bytes).await.expect("it is sent");
            let answer = caller.response("POST", ANSWER_LIMIT).await;
            answer.map(|answer| answer.status)
        });
    }
    answers
}

/// All send the request at once; answers how many answers are others, and how many look-ups there were.
async fn begin_to_use(service: &Service, url: &str, key: &str, expected: u16) -> (usize, f64) {
    let request = TestRequest::portal(key, RETURN_URL);
    let before = look_ups(service).await;
    let mut callers = connect(service, CALLERS).await;
    let lock = lock_keys(url).await;
    // The first caller leaves while its look-up waits.
    let mut leaves = callers.pop().expect("there are some");
    leaves.send(&request.to_bytes()).await.expect("it is sent");
    let answers = send_at_once(callers, &request);
    drop(leaves);
    sleep(LOOK_UP).await;
    drop(lock);
    let statuses = answers.join_all().await;
    let others = statuses.iter().filter(|status| **status != Some(expected));
    (others.count(), look_ups(service).await - before)
}

/// A key that none of the callers has used before gets them all the expected status, with few look-ups.
async fn assert_looked_up_once(expected: u16, new_key: impl AsyncFn(&Service, usize) -> String) {
    let cluster = cluster(&[]);
    let url = cluster.url("postgres");
    let service = service_on(&url).await;
    let mut seen = Vec::new();
    for attempt in 0..ATTEMPTS {
        let key = new_key(&service, attempt).await;
        let (others, count) = begin_to_use(&service, &url, &key, expected).await;
        println!("{CALLERS} callers: {others} other answers, {count} look-ups");
        if others == 0 && count <= FEW {
            return;
        }
        seen.push((others, count));
    }
    panic!("other answers and look-ups: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_key_that_many_begin_to_use_is_looked_up_once() {
    // It has no scope that the operation needs, so that none of them reaches Stripe.
    let new_key = async |service: &Service, _| service.new_key("acme", &["other:read"]).await;
    assert_looked_up_once(403, new_key).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn an_unknown_key_that_many_try_is_looked_up_once() {
    let unknown = async |_: &Service, attempt| well_formed("am_live_", &format!("{attempt:030}"));
    assert_looked_up_once(401, unknown).await;
}
