//! What requests cost the database: nothing, as long as their keys are cached.

use std::time::Duration;

use billing_portal_tests::http_message::RETURN_URL;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use super::setup::cluster;
use crate::harness::service::Service;
use crate::harness::test_database::TestDatabase;

const REQUESTS: i64 = 300;
/// A server counts what a connection does a second later.
const COUNTED_AFTER: Duration = Duration::from_secs(3);

/// Look-ups of keys, and transactions, that the server has counted.
async fn counted(connection: &mut PgConnection) -> (i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'api_keys'), xact_commit + xact_rollback \
         FROM pg_stat_database WHERE datname = current_database()",
    )
    .fetch_one(connection)
    .await
    .expect("the server counts")
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_key_in_use_costs_the_database_nothing() {
    let cluster = cluster(&[]);
    let url = cluster.url("postgres");
    let service = Service::builder()
        .database(TestDatabase::at(&url))
        .start()
        .await;
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    sleep(COUNTED_AFTER).await;
    let mut connection = PgConnection::connect(&url).await.expect("it listens");
    let before = counted(&mut connection).await;
    let began = Instant::now();
    for _ in 0..REQUESTS {
        assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    }
    sleep(COUNTED_AFTER).await;
    let after = counted(&mut connection).await;
    let seconds = i64::try_from(began.elapsed().as_secs()).expect("a short time") + 1;
    let (look_ups, transactions) = (after.0 - before.0, after.1 - before.1);
    println!(
        "{REQUESTS} requests: {look_ups} look-ups, {transactions} transactions in {seconds} s"
    );
    // The key is looked up again after the writing of its day, and after a second in which a busy machine could not
    // read the counter.
    assert!(look_ups <= REQUESTS / 30, "{look_ups}");
    // Two readings of the counter a second, and these questions.
    assert!(
        transactions <= 2 * seconds + 4 + look_ups,
        "{transactions} in {seconds} s"
    );
}
