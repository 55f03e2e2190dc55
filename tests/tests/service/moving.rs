//! `backup` and `database copy`: what is in the database is in the copy, a copy that was interrupted goes on, and nothing
//! is copied over anything.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use billing_portal_tests::http_message::RETURN_URL;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::database::Database;
use crate::harness::deployment::Deployment;
use crate::harness::process;
use crate::harness::service::Service;
use crate::harness::test_database::TestDatabase;

/// A row for each table that commands do not fill, with values at the edges of their types.
const ROWS: [&str; 8] = [
    "INSERT INTO customer_claims VALUES ('cus_claim', 'acme', NULL, 9223372036854775807, 'evt_ä', 0)",
    "INSERT INTO customer_claims VALUES ('cus_CLAIM', 'acme', -1, 0, '', 1)",
    "INSERT INTO customer_conflicts VALUES ('acme', 'cus_a', 'cus_b', 'another_customer', 7, NULL)",
    "INSERT INTO customer_conflicts VALUES ('acme', 'cus_a', 'beta', 'another_organization', 7, 8)",
    "INSERT INTO deleted_customers VALUES ('cus_gone', 9)",
    "INSERT INTO stripe_events VALUES ('evt_Z', 1), ('evt_a', 2), ('evt_É', 3)",
    "INSERT INTO customer_sync VALUES (1, 'cus_newest', 'cus_position')",
    "INSERT INTO customer_sync_failures VALUES ('cus_x', 'a b', 'no such organization')",
];

/// A deployment whose tables all have rows. Answers the rows' number.
pub(crate) async fn filled(deployment: &Deployment) -> u64 {
    deployment.json("org create --name Ünïcode --id acme").await;
    deployment.json("org create --name B --id Beta.2").await;
    let key = deployment
        .json("key create --org acme --scope billing:write --expires-in 90d")
        .await;
    deployment
        .json("key create --org acme --scope x:y --scope billing:write --name two")
        .await;
    let id = key["id"].as_str().expect("an id");
    deployment.json(&format!("key revoke {id}")).await;
    deployment.json("customer link --org acme cus_acme").await;
    deployment.json("portal-config ensure").await;
    let mut database = Database::open_url(&deployment.database_url()).await;
    for row in ROWS {
        database.execute(row).await;
    }
    // Two organizations, two keys, a mapping, a configuration, and the ten rows above.
    16
}

/// What the commands print of everything.
pub(crate) async fn everything(deployment: &Deployment, url: &str) -> Vec<Value> {
    let mut variables = deployment.variables();
    variables.push(("BILLING_PORTAL_DATABASE_URL".to_owned(), url.to_owned()));
    let mut printed = Vec::new();
    for line in [
        "org list",
        "org show acme",
        "key list --org acme",
        "customer list",
        "customer conflicts",
    ] {
        let arguments: Vec<&str> = line.split(' ').chain(["--json"]).collect();
        let outcome = crate::harness::command::run(&arguments, &variables).await;
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{line}");
        printed.push(serde_json::from_str(&outcome.stdout).expect("JSON"));
    }
    printed
}

/// Copies from one URL to another with the command.
pub(crate) async fn copy(deployment: &Deployment, from: &str, to: &str) -> (i32, String) {
    let line = format!("database copy --from {from} --to {to} --json");
    let outcome = deployment.run(&line).await;
    (
        outcome.code.into(),
        format!("{}{}", outcome.stdout, outcome.stderr),
    )
}

fn sqlite(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

#[tokio::test]
async fn everything_is_copied_into_an_empty_database_and_into_no_other() {
    let deployment = Deployment::new().await;
    let rows = filled(&deployment).await;
    let from = deployment.database_url();
    let to = sqlite(&deployment.file("copy.db"));
    let (code, printed) = copy(&deployment, &from, &to).await;
    assert_eq!(code, 0, "{printed}");
    let printed: Value =
        serde_json::from_str(printed.lines().next().expect("a line")).expect("JSON");
    assert_eq!(printed, json!({ "rows": rows, "verified": true }));
    assert_eq!(
        everything(&deployment, &to).await,
        everything(&deployment, &from).await
    );

    for (from, to) in [(&from, &to), (&to, &from), (&from, &from)] {
        let (code, printed) = copy(&deployment, from, to).await;
        assert_eq!(code, 1, "{printed}");
        assert!(
            printed.contains("the target is not empty: table organizations has rows"),
            "{printed}"
        );
    }
    let nowhere = sqlite(&deployment.file("nowhere.db"));
    let (code, printed) = copy(&deployment, &nowhere, &sqlite(&deployment.file("x.db"))).await;
    assert!(
        code == 1 && printed.contains("nowhere.db does not exist"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_url_can_be_read_from_a_file() {
    let deployment = Deployment::new().await;
    filled(&deployment).await;
    let to = sqlite(&deployment.file("copy.db"));
    for (name, url) in [("from", deployment.database_url()), ("to", to.clone())] {
        fs::write(deployment.file(name), format!("{url}\n")).expect("written");
    }
    let argument = |name: &str| format!("@{}", deployment.file(name).display());
    let (code, printed) = copy(&deployment, &argument("from"), &argument("to")).await;
    assert_eq!(code, 0, "{printed}");
    assert_eq!(everything(&deployment, &to).await.len(), 5);
    let (code, printed) = copy(&deployment, &argument("absent"), &argument("to")).await;
    assert!(
        code == 1 && printed.contains("absent cannot be read"),
        "{printed}"
    );
}

/// Fills the database with organizations that take a while to copy.
pub(crate) async fn fill_much(deployment: &Deployment, organizations: usize) {
    let mut rows = String::from("org,customer\n");
    for number in 0..organizations {
        writeln!(rows, "org-{number},cus_{number}").expect("memory");
    }
    let file = deployment.file("customers.csv");
    fs::write(&file, rows).expect("written");
    let import = format!("customer import {}", file.display());
    deployment.json(&import).await;
}

/// Copies with a process that is killed again and again until one gets to the end. Answers how many were killed.
pub(crate) async fn copy_with_kills(deployment: &Deployment, from: &str, to: &str) -> u32 {
    let mut kills = 0;
    loop {
        let arguments = ["database", "copy", "--from", from, "--to", to];
        let mut command = process::command(&arguments, &deployment.variables());
        let child = command
            .kill_on_drop(true)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped());
        let child = child.spawn().expect("the binary runs");
        let limit = Duration::from_millis(40 * u64::from(kills + 1).pow(2));
        if let Ok(output) = timeout(limit, child.wait_with_output()).await {
            let output = output.expect("it ends");
            let problem = String::from_utf8_lossy(&output.stderr);
            // The one before was killed when it had done everything.
            let was_done = kills > 0 && problem.contains("the target is not empty");
            assert!(output.status.success() || was_done, "{problem}");
            return kills;
        }
        kills += 1;
    }
}

#[tokio::test]
async fn a_copy_that_was_interrupted_goes_on_and_nothing_else_uses_its_target() {
    let deployment = Deployment::new().await;
    filled(&deployment).await;
    fill_much(&deployment, 5_000).await;
    let (from, to) = (
        deployment.database_url(),
        sqlite(&deployment.file("copy.db")),
    );
    let (code, printed) = copy(&deployment, &from, &to).await;
    assert_eq!(code, 0, "{printed}");
    // As it was before the last step, with rows that were not copied yet.
    let mut database = Database::open_url(&to).await;
    for statement in [
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9223372036854775807, '', TRUE, X'', 0)",
        "DELETE FROM customers WHERE organization_id > 'org-3'",
        "DELETE FROM stripe_events",
    ] {
        database.execute(statement).await;
    }
    let variables = [("BILLING_PORTAL_DATABASE_URL".to_owned(), to.clone())];
    let refused = crate::harness::command::run(&["org", "list"], &variables).await;
    let expected = "error: database: a copy into it was interrupted or is running; run billing-portal database copy \
                    again, or empty it\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (1, expected));
    let (code, printed) = copy(&deployment, &from, &to).await;
    assert_eq!(code, 0, "{printed}");
    assert_eq!(
        everything(&deployment, &to).await,
        everything(&deployment, &from).await
    );
}

#[tokio::test]
async fn a_copy_that_is_killed_at_any_moment_ends_when_it_is_run_again() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    fill_much(&deployment, 5_000).await;
    let (from, to) = (
        deployment.database_url(),
        sqlite(&deployment.file("copy.db")),
    );
    let kills = copy_with_kills(&deployment, &from, &to).await;
    assert!(kills > 0, "it was killed at least once");
    assert_eq!(
        everything(&deployment, &to).await,
        everything(&deployment, &from).await
    );
}

#[tokio::test]
async fn a_copy_that_differs_is_reported() {
    let deployment = Deployment::new().await;
    filled(&deployment).await;
    let (from, to) = (
        deployment.database_url(),
        sqlite(&deployment.file("copy.db")),
    );
    assert_eq!(copy(&deployment, &from, &to).await.0, 0);
    let mut database = Database::open_url(&to).await;
    for statement in [
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9223372036854775807, '', TRUE, X'', 0)",
        "UPDATE api_keys SET revoked_at = NULL",
    ] {
        database.execute(statement).await;
    }
    let (code, printed) = copy(&deployment, &from, &to).await;
    assert_eq!(code, 1, "{printed}");
    assert!(
        printed.contains("table api_keys differs in both databases after the copy"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_backup_is_made_while_the_service_writes_and_can_be_restored() {
    let service = Service::builder().sqlite().start().await;
    let writing = async {
        for number in 0..u32::MAX {
            let id = format!("org-{number}");
            let create = ["org", "create", "--name", "x", "--id", &id];
            service.run(&create).await;
        }
    };
    let file = service.file("backup.db");
    let name = file.to_str().expect("text");
    let arguments = ["backup", name];
    let backup = tokio::select! {
        () = writing => unreachable!("it writes for ever"),
        backup = service.run(&arguments) => backup,
    };
    let metadata = fs::metadata(&file).expect("it is there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(backup, json!({ "file": name, "bytes": metadata.len() }));
    assert!(!service.file("backup.db.partial").exists());

    let again = service.command(&["backup", name]).await;
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("exists already; choose another name"),
        "{}",
        again.stderr
    );
    let nowhere = service.file("no/such/folder/backup.db");
    let failed = service
        .command(&["backup", nowhere.to_str().expect("text")])
        .await;
    assert!(
        failed.code == 1 && failed.stderr.contains("no such folder"),
        "{}",
        failed.stderr
    );

    // Restored on another machine: the key of the first service works, with its customer.
    let key = service.key().to_owned();
    let database = TestDatabase::at(&format!("sqlite://{name}"));
    let restored = Service::builder()
        .stripe(&service.stripe)
        .database(database);
    let restored = restored.start_restored(&key).await;
    assert_eq!(restored.create_portal_session(RETURN_URL).await.status, 200);
}
