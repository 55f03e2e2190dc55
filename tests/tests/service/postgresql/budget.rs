//! The calls to Stripe while the database is away, and when it is back: together never more than the deployment may make.

use std::time::Duration;

use tokio::time::sleep;

use super::setup::cluster;
use crate::harness::service::Service;
use crate::harness::test_database::TestDatabase;
use crate::load::stripe_budget::{LIMIT, STRIPE_ALLOWS, busiest_second, callers};

/// How long the instances find their shares.
const SETTLING: Duration = Duration::from_secs(7);
/// Until then a key is accepted without the database; the rest is for a busy machine.
const TRUSTED_AT_MOST: Duration = Duration::from_secs(3);
/// The rest of the outage: together longer than a lease is valid, so that each looks as if its instance had ended.
const UNTRUSTED: Duration = Duration::from_secs(6);
/// How long after it the instances renew their leases, and then let old ones end.
const RETURNING: Duration = Duration::from_secs(8);
/// Then the budget is used again: in this time at least so many calls.
const MEASURED: Duration = Duration::from_secs(4);
const LEAST: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn instances_keep_their_shares_while_the_database_is_away_and_when_it_is_back() {
    let mut cluster = cluster(&[]);
    let limited = || Service::builder().set("STRIPE_RATE_LIMIT", LIMIT);
    let database = TestDatabase::at(&cluster.url("postgres"));
    let first = limited().database(database).start().await;
    let second = limited().start_beside(&first).await;
    let third = limited().start_beside(&first).await;
    let addresses = [&first, &second, &third].map(Service::api);
    let _callers = callers(&addresses, first.key());
    sleep(SETTLING).await;

    cluster.stop().expect("it stops");
    sleep(TRUSTED_AT_MOST).await;
    let before = first.sessions().len();
    sleep(UNTRUSTED).await;
    assert_eq!(first.sessions().len(), before, "no key is accepted");

    cluster.resume().expect("it starts");
    sleep(RETURNING).await;
    let before = first.sessions().len();
    sleep(MEASURED).await;
    let sessions = first.sessions();
    let (used, busiest) = (sessions.len() - before, busiest_second(&sessions));
    println!("{busiest} calls in the busiest second; then {used} in {MEASURED:?}");
    assert!(busiest <= STRIPE_ALLOWS, "{busiest}");
    assert!(used >= LEAST, "{used}");
}
