//! S19, S20 and S24: which databases are refused, why one cannot be opened, and many processes at the first start.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::harness::database::Database;
use crate::harness::deployment::Deployment;
use crate::harness::process;
use crate::harness::rounds::rounds;

#[tokio::test]
async fn s19_a_database_in_memory_is_refused_by_config_check_and_every_command() {
    let mut deployment = Deployment::new().await;
    for url in [
        "sqlite::memory:",
        "sqlite://",
        "sqlite://x.db?mode=memory",
        "sqlite:",
        "sqlite://:memory:",
        "sqlite:%3Amemory%3A",
        "sqlite:///x.db?cache=shared&mode=memory",
        "sqlite://x.db?vfs=memdb",
    ] {
        let setting = "DATABASE_URL".to_owned();
        deployment.settings.insert(setting, url.to_owned());
        let check = deployment.run("config check --json").await;
        let check: Value = serde_json::from_str(&check.stdout).expect("JSON");
        assert_eq!(check["problems"][0]["setting"], "database_url", "{url}");
        for command in [
            "serve",
            "doctor",
            "org create --name x",
            "org list",
            "key revoke key_1",
            "customer list",
        ] {
            let outcome = deployment.run(command).await;
            assert_eq!(outcome.code, 1, "{url} {command}");
            let printed = format!("{}{}", outcome.stdout, outcome.stderr);
            let reason = "a database in memory is lost when the process ends";
            assert!(printed.contains(reason), "{url} {command}: {printed}");
        }
    }
}

/// Runs the binary as a user who is not root, for whom permissions hold.
async fn run_as_user(arguments: &[&str], database: &Path) -> (Option<i32>, String) {
    let variables = [
        (
            "BILLING_PORTAL_DATABASE_URL".to_owned(),
            format!("sqlite://{}", database.display()),
        ),
        (
            "BILLING_PORTAL_STRIPE_SECRET_KEY".to_owned(),
            "rk_test_x".to_owned(),
        ),
    ];
    let mut command = process::command(arguments, &variables);
    if user() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().await.expect("the binary runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    (output.status.code(), stderr)
}

const NOBODY: u32 = 65_534;

fn user() -> u32 {
    fs::metadata("/proc/self").expect("this process").uid()
}

#[tokio::test]
async fn s20_a_database_that_cannot_be_used_is_named_with_the_reason() {
    let directory = TempDir::new().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let set_mode = |name: &str, mode: u32| {
        fs::set_permissions(path(name), Permissions::from_mode(mode)).expect("set");
    };
    set_mode("", 0o755);
    for folder in ["folder", "closed", "locked", "open"] {
        fs::create_dir(path(folder)).expect("created");
    }
    set_mode("closed", 0o555);
    fs::write(
        path("file"),
        "this is not a database, but long enough to be one\n".repeat(20),
    )
    .expect("written");
    fs::write(path("unreadable.db"), "x").expect("written");
    set_mode("unreadable.db", 0o000);
    fs::write(path("locked/x.db"), "x").expect("written");
    set_mode("locked", 0o000);
    std::os::unix::fs::symlink(path("gone.db"), path("link.db")).expect("linked");
    set_mode("open", 0o777);
    fs::write(path("open/x.db-wal"), "x").expect("written");
    let uid = if user() == 0 { NOBODY } else { user() };
    #[rustfmt::skip]
    let rows = [
        ("nowhere/x.db", format!("cannot be created: no such folder: {}", path("nowhere").display())),
        ("nowhere/deeper/x.db", format!("cannot be created: no such folder: {}", path("nowhere/deeper").display())),
        ("closed/x.db", format!("cannot be created: folder {} is not writable by uid {uid}", path("closed").display())),
        ("folder", "is a directory, not a file".to_owned()),
        ("file", "is not a SQLite database".to_owned()),
        ("file/x.db", "is in a folder that is a file".to_owned()),
        ("unreadable.db", format!("is not readable by uid {uid}")),
        ("locked/x.db", format!("is in a folder that uid {uid} may not enter")),
        ("open/x.db", format!("cannot be created: {} belongs to a database that was here before; move it away", path("open/x.db-wal").display())),
        ("link.db", "is a symbolic link to a file that does not exist".to_owned()),
    ];
    for (name, reason) in rows {
        let expected = format!("error: database {} {reason}\n", path(name).display());
        for command in [
            &["org", "create", "--name", "x"][..],
            &["org", "create", "--name", "x", "--json"],
        ] {
            let outcome = run_as_user(command, &path(name)).await;
            assert_eq!(outcome, (Some(1), expected.clone()));
        }
    }
    set_mode("locked", 0o755);
}

#[tokio::test]
async fn s20_a_database_that_cannot_be_written_is_named_with_the_reason() {
    let deployment = Deployment::sqlite().await;
    deployment.json("org create --name Acme --id acme").await;
    let folder = deployment.database();
    let folder = folder.parent().expect("a folder");
    fs::set_permissions(folder, Permissions::from_mode(0o777)).expect("set");
    fs::set_permissions(deployment.database(), Permissions::from_mode(0o444)).expect("set");
    let create = ["org", "create", "--name", "x"];
    let (code, stderr) = run_as_user(&create, &deployment.database()).await;
    let uid = if user() == 0 { NOBODY } else { user() };
    let file = deployment.database();
    let expected = format!(
        "error: database {} is not writable by uid {uid}\n",
        file.display()
    );
    assert_eq!((code, stderr), (Some(1), expected));
}

/// Ten commands at once that write to the database in the file; each must succeed.
async fn create_ten(database: &Path) {
    let url = format!("sqlite://{}", database.display());
    let variables = [("BILLING_PORTAL_DATABASE_URL".to_owned(), url)];
    let mut running = JoinSet::new();
    for number in 0..10 {
        let id = format!("org-{number}");
        let arguments = ["org", "create", "--name", "x", "--id", &id];
        let mut command = process::command(&arguments, &variables);
        running.spawn(async move { command.output().await });
    }
    while let Some(output) = running.join_next().await {
        let output = output.expect("it ends").expect("the binary runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
    }
}

#[tokio::test]
async fn s24_ten_commands_at_once_create_a_database() {
    let directory = TempDir::new().expect("a directory");
    for round in 0..rounds(2) {
        create_ten(&directory.path().join(format!("{round}.db"))).await;
    }
}

#[tokio::test]
async fn s24_ten_commands_at_once_fill_an_empty_file() {
    let directory = TempDir::new().expect("a directory");
    for round in 0..3 {
        let file = directory.path().join(format!("{round}.db"));
        fs::write(&file, "").expect("the file is written");
        create_ten(&file).await;
    }
}

#[tokio::test]
async fn s24_ten_commands_at_once_update_the_tables_of_an_older_version() {
    let deployment = Deployment::sqlite().await;
    deployment.json("org create --name Acme --id acme").await;
    let mut database = Database::open_url(&deployment.database_url()).await;
    database
        .execute("ALTER TABLE api_keys DROP COLUMN mode")
        .await;
    database
        .execute("DELETE FROM _sqlx_migrations WHERE version = 4")
        .await;
    create_ten(&deployment.database()).await;
    assert_eq!(
        deployment.json("key list --org acme").await,
        serde_json::json!([])
    );
}
