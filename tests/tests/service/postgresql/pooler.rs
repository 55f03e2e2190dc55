//! `PgBouncer` in transaction mode between the service and PostgreSQL.

use std::time::Duration;

use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::postgresql::pgbouncer::PgBouncer;
use tokio::task::JoinSet;

use super::setup::{cluster, create_ten};
use crate::harness::rounds::rounds;
use crate::harness::service::{Service, send};
use crate::harness::test_database::TestDatabase;
use crate::instances::change_times;

/// A second on a machine that does nothing else; nextest gives it to this test alone.
const SEEN_WITHIN: Duration = Duration::from_secs(1);

const RETURN_URL: &str = "https://app.example.com/";

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn ten_commands_at_once_create_the_tables_through_a_pooler() {
    let cluster = cluster(&[]);
    let pooler = PgBouncer::start(&cluster).expect("PgBouncer is installed");
    for _ in 0..rounds(2) {
        let database = TestDatabase::on_server(&cluster.url("postgres"));
        let url = database.url();
        let (_, name) = url.rsplit_once('/').expect("a database");
        create_ten(&pooler.url(name)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_change_reaches_two_instances_behind_a_pooler() {
    let cluster = cluster(&[]);
    let pooler = PgBouncer::start(&cluster).expect("PgBouncer is installed");
    let database = TestDatabase::at(&pooler.url("postgres"));
    let service = Service::builder().database(database).start().await;
    let took = change_times(&service).await;
    assert!(took.iter().all(|took| *took < SEEN_WITHIN), "{took:?}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn requests_and_commands_at_once_share_the_connections_of_a_pooler() {
    let cluster = cluster(&[]);
    let pooler = PgBouncer::start(&cluster).expect("PgBouncer is installed");
    let database = TestDatabase::at(&pooler.url("postgres"));
    let service = Service::builder().database(database).start().await;
    let mut keys = Vec::new();
    for number in 0..10 {
        let org = format!("org-{number}");
        let customer = format!("cus_{number}");
        keys.push((service.organization(&org, Some(&customer)).await, customer));
    }
    for _ in 0..5 {
        // Every key is looked up again, ten at a time over three connections, while another command writes.
        service.run(&["org", "create", "--name", "x"]).await;
        let mut requests = JoinSet::new();
        for (key, customer) in keys.clone() {
            let request = TestRequest::portal(&key, RETURN_URL);
            let api = service.api();
            requests.spawn(async move {
                let answer = send(api, &request).await;
                (answer.status, customer)
            });
        }
        while let Some(ended) = requests.join_next().await {
            let (status, customer) = ended.expect("it ends");
            assert_eq!(status, 200, "{customer}");
        }
    }
    for (_, customer) in keys {
        let sessions = service.sessions();
        let opened = sessions
            .iter()
            .filter(|call| call.field("customer") == Some(&customer));
        assert_eq!(opened.count(), 5, "each caller gets its own customer");
    }
}
