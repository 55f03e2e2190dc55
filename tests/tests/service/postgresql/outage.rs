//! The server is gone, or does not respond: 503 and never 401, no request that hangs, and recovery without a restart.

use std::time::Duration;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::postgresql::Cluster;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use super::setup::cluster;
use crate::harness::service::{Service, send};
use crate::harness::test_database::TestDatabase;
use crate::harness::webhook::{SECRET, customer, event, signed, unix_time};

/// How long the outage lasts: longer than what is cached is trusted.
const OUTAGE: Duration = Duration::from_secs(4);
/// What is cached is trusted for a second; the rest is for a busy machine.
const TRUSTED_AT_MOST: Duration = Duration::from_secs(3);
/// A request is answered within a second; the rest is for a busy machine.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);
/// How long recovery may take.
const RECOVERED_WITHIN: Duration = Duration::from_secs(15);

/// Sends the request; it is answered in time with one of these statuses, and 503 says when to come back.
async fn answer(service: &Service, request: &TestRequest, expected: &[u16]) -> u16 {
    let began = Instant::now();
    let answer = send(service.api(), request).await;
    let took = began.elapsed();
    assert!(took < ANSWERED_WITHIN, "{took:?}");
    assert!(
        expected.contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.text()
    );
    if answer.status == 503 {
        answer
            .assert_error("SERVICE_UNAVAILABLE")
            .assert_header("retry-after", "1");
    }
    answer.status
}

/// Every table, until this is dropped.
async fn lock_tables(url: &str) -> PgConnection {
    let mut connection = PgConnection::connect(url).await.expect("it listens");
    let lock = "BEGIN; DO $$ DECLARE name text; BEGIN \
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP \
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', name); END LOOP; END $$";
    connection.execute(lock).await.expect("they are locked");
    connection
}

/// The server stops responding and responds again; `stop` returns what `resume` needs.
async fn outage<T>(
    stop: impl AsyncFnOnce(&mut Cluster) -> T,
    resume: impl AsyncFnOnce(&mut Cluster, T),
) {
    let mut cluster = cluster(&[]);
    let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
    let database = TestDatabase::at(&cluster.url("postgres"));
    let service = builder.database(database).start().await;
    let cold = service.new_key("acme", &["billing:write"]).await;
    let cached = TestRequest::portal(service.key(), RETURN_URL);
    let cold = TestRequest::portal(&cold, RETURN_URL);
    let created = event(
        "evt_1",
        "customer.created",
        unix_time(),
        &customer("cus_1", "acme"),
    );
    let webhook = signed(&created);
    assert_eq!(answer(&service, &cached, &[200]).await, 200);

    let stopped = stop(&mut cluster).await;
    let since = Instant::now();
    let (mut trusted, mut slowest) = (Duration::ZERO, Duration::ZERO);
    while since.elapsed() < OUTAGE {
        let began = Instant::now();
        if answer(&service, &cached, &[200, 503]).await == 200 {
            trusted = since.elapsed();
        }
        answer(&service, &cold, &[503]).await;
        answer(&service, &webhook, &[503]).await;
        slowest = slowest.max(began.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    println!(
        "the cached key was accepted for {trusted:?}; three requests took {slowest:?} at most"
    );
    assert!(trusted < TRUSTED_AT_MOST, "{trusted:?}");
    assert_eq!(service.readiness().await.status, 503);

    resume(&mut cluster, stopped).await;
    let since = Instant::now();
    for request in [&cached, &cold, &webhook] {
        while answer(&service, request, &[200, 503]).await != 200 {
            assert!(since.elapsed() < RECOVERED_WITHIN, "it recovers by itself");
            sleep(Duration::from_millis(50)).await;
        }
    }
    println!("recovered after {:?}", since.elapsed());
    assert_eq!(service.readiness().await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_server_that_was_stopped_and_started_again() {
    outage(
        async |cluster| cluster.stop().expect("it stops"),
        async |cluster, ()| cluster.resume().expect("it starts"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_server_that_does_not_respond_for_a_while() {
    outage(
        async |cluster| cluster.freeze().expect("it is frozen"),
        async |cluster, ()| cluster.thaw().expect("it goes on"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_server_whose_tables_another_transaction_locks() {
    outage(
        async |cluster| lock_tables(&cluster.url("postgres")).await,
        async |_, lock| drop(lock),
    )
    .await;
}
