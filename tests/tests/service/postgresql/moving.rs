//! From SQLite to PostgreSQL and back, row by row.

use billing_portal_tests::http_message::RETURN_URL;

use super::setup::cluster;
use crate::harness::database::Database;
use crate::harness::deployment::Deployment;
use crate::harness::service::Service;
use crate::harness::test_database::TestDatabase;
use crate::moving::{copy, copy_with_kills, everything, fill_much, filled};

/// The columns of every table but those of each engine itself.
const OF_SQLITE: &str = "SELECT group_concat(name, ' ') FROM (SELECT t.name || '.' || c.name AS name FROM sqlite_schema t, \
     pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name <> '_sqlx_migrations' ORDER BY 1)";
const OF_POSTGRESQL: &str = "SELECT string_agg(name, ' ') FROM (SELECT (table_name || '.' || column_name) COLLATE \"C\" \
     AS name FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations' \
     ORDER BY 1) AS names";

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn everything_goes_to_postgresql_and_comes_back() {
    let cluster = cluster(&[]);
    let deployment = Deployment::sqlite().await;
    let rows = filled(&deployment).await;
    let (first, server) = (deployment.database_url(), cluster.url("postgres"));
    let last = format!("sqlite://{}", deployment.file("last.db").display());
    for (from, to) in [(&first, &server), (&server, &last)] {
        let (code, printed) = copy(&deployment, from, to).await;
        assert_eq!(code, 0, "{printed}");
        assert!(printed.contains(&format!("\"rows\":{rows}")), "{printed}");
    }
    let expected = everything(&deployment, &first).await;
    assert_eq!(everything(&deployment, &server).await, expected);
    assert_eq!(everything(&deployment, &last).await, expected);
    let (code, printed) = copy(&deployment, &last, &server).await;
    assert!(
        code == 1 && printed.contains("the target is not empty"),
        "{printed}"
    );

    let columns = Database::open_url(&first).await.text(OF_SQLITE).await;
    assert_eq!(
        Database::open_url(&server).await.text(OF_POSTGRESQL).await,
        columns
    );
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_copy_to_postgresql_that_is_killed_ends_when_it_is_run_again() {
    let cluster = cluster(&[]);
    let deployment = Deployment::sqlite().await;
    deployment.json("org create --name Acme --id acme").await;
    fill_much(&deployment, 5_000).await;
    let (from, to) = (deployment.database_url(), cluster.url("postgres"));
    let kills = copy_with_kills(&deployment, &from, &to).await;
    assert!(kills > 0, "it was killed at least once");
    assert_eq!(
        everything(&deployment, &to).await,
        everything(&deployment, &from).await
    );
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_dump_of_pg_dump_is_restored() {
    let cluster = cluster(&[]);
    let database = TestDatabase::at(&cluster.url("postgres"));
    let service = Service::builder().database(database).start().await;
    let dump = cluster.directory().join("backup.dump");
    let dump = dump.to_str().expect("text");
    cluster
        .run(
            "pg_dump",
            &[
                "--format=custom",
                "--file",
                dump,
                "--dbname",
                &cluster.url("postgres"),
            ],
        )
        .expect("dumped");
    cluster
        .execute("postgres", "CREATE DATABASE restored")
        .expect("created");
    cluster
        .run(
            "pg_restore",
            &["--no-owner", "--dbname", &cluster.url("restored"), dump],
        )
        .expect("restored");
    let backup = service.file("x.db");
    let backup = service
        .command(&["backup", backup.to_str().expect("text")])
        .await;
    assert!(
        backup.code == 1 && backup.stderr.contains("use pg_dump for PostgreSQL"),
        "{}",
        backup.stderr
    );

    let restored = TestDatabase::at(&cluster.url("restored"));
    let restored = Service::builder()
        .stripe(&service.stripe)
        .database(restored);
    let restored = restored.start_restored(service.key()).await;
    assert_eq!(restored.create_portal_session(RETURN_URL).await.status, 200);
}
