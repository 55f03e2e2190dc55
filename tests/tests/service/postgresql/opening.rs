//! S24 and L9 on PostgreSQL: many processes at the first start, a database without tables, and tables of another
//! version.

use super::setup::{cluster, create_ten, run};
use crate::harness::rounds::rounds;
use crate::harness::test_database::TestDatabase;

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn s24_ten_commands_at_once_create_the_tables() {
    let cluster = cluster(&[]);
    for _ in 0..rounds(2) {
        let database = TestDatabase::on_server(&cluster.url("postgres"));
        create_ten(&database.url()).await;
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn l9_only_serve_and_org_create_create_the_tables() {
    let cluster = cluster(&[]);
    let url = cluster.url("postgres");
    for command in ["org list", "key list --org acme", "customer list", "doctor"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let (code, text) = run(&arguments, &url).await;
        assert_eq!(code, Some(1), "{command}: {text}");
        let expected =
            "database does not exist; billing-portal serve and billing-portal org create create it";
        assert!(text.contains(expected), "{command}: {text}");
    }
    let created = run(&["org", "create", "--name", "Acme", "--id", "acme"], &url).await;
    assert_eq!(created.0, Some(0), "{}", created.1);
    assert_eq!(
        run(&["key", "list", "--org", "acme"], &url).await.0,
        Some(0)
    );
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn tables_of_a_newer_version_and_of_something_else_are_refused() {
    let cluster = cluster(&[]);
    let url = cluster.url("postgres");
    run(&["org", "create", "--name", "Acme", "--id", "acme"], &url).await;
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, checksum) VALUES (9001, 'x', '')";
    cluster.execute("postgres", newer).expect("inserted");
    let (code, text) = run(&["org", "list"], &url).await;
    assert_eq!(code, Some(1));
    let expected = "error: database: a newer version of billing-portal has changed its tables (to version 9001, this \
                    one has ";
    assert!(text.starts_with(expected), "{text}");
    let doctor = run(&["doctor"], &url).await.1;
    assert!(
        doctor.contains("use the newest version of billing-portal"),
        "{doctor}"
    );

    let other = "DELETE FROM _sqlx_migrations WHERE version = 9001; UPDATE _sqlx_migrations SET checksum = 'x'";
    cluster.execute("postgres", other).expect("changed");
    let (code, text) = run(&["org", "list"], &url).await;
    assert_eq!(code, Some(1));
    let expected = "error: database: its tables are not those of billing-portal (migration 6 is another one)\n";
    assert_eq!(text, expected);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_server_that_cannot_be_used_is_named_with_the_reason() {
    let cluster = cluster(&[]);
    let create = ["org", "create", "--name", "x"];
    let rows = [
        (
            cluster.url("nowhere"),
            "database \"nowhere\" does not exist",
        ),
        (
            "postgres://me:UNSEEN@127.0.0.1:1/x".to_owned(),
            "Connection refused",
        ),
    ];
    for (url, reason) in rows {
        let (code, text) = run(&create, &url).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(
            text.starts_with("error: database: ") && text.contains(reason),
            "{text}"
        );
        assert!(!text.contains("UNSEEN"), "{text}");
    }
}
