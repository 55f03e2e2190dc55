//! The commands that matter in an emergency: L7 and L8, and M2: the mode of a key is the key's own.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::harness::database::Database;
use crate::harness::deployment::Deployment;
use crate::harness::service::Service;

const LIVE: &str = "rk_live_simulated";
const TEST: &str = "rk_test_simulated";

/// A deployment with an organization and one key of this mode; its id and the key.
async fn with_key(mode: &str) -> (Deployment, String, String) {
    key_of(Deployment::new().await, mode).await
}

/// The deployment with them.
async fn key_of(deployment: Deployment, mode: &str) -> (Deployment, String, String) {
    deployment.json("org create --name Acme --id acme").await;
    let create = format!("key create --org acme --scope billing:write --mode {mode}");
    let created = deployment.json(&create).await;
    let text = |field: &str| created[field].as_str().expect("text").to_owned();
    (deployment, text("id"), text("key"))
}

async fn keys(deployment: &Deployment) -> Vec<Value> {
    let keys = deployment.json("key list --org acme").await;
    keys.as_array().expect("a list").clone()
}

#[tokio::test]
async fn l7_a_rotation_that_fails_changes_nothing() {
    for (statement, problem) in [
        (
            "CREATE TRIGGER t BEFORE UPDATE OF expires_at ON api_keys BEGIN SELECT RAISE(ABORT, 'stopped here'); END",
            "stopped here",
        ),
        (
            "CREATE TRIGGER t AFTER UPDATE OF expires_at ON api_keys BEGIN SELECT RAISE(ABORT, 'stopped after it'); END",
            "stopped after it",
        ),
        (
            "CREATE TRIGGER t BEFORE INSERT ON api_keys BEGIN SELECT RAISE(ABORT, 'no successor'); END",
            "no successor",
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON api_keys BEGIN SELECT RAISE(ABORT, 'not even now'); END",
            "not even now",
        ),
    ] {
        // The triggers are written in SQLite's words; the transaction is the same on both engines.
        let (deployment, id, _) = key_of(Deployment::sqlite().await, "live").await;
        let before = keys(&deployment).await;
        let mut database = Database::open_url(&deployment.database_url()).await;
        database.execute(statement).await;
        let rotate = format!("key rotate {id} --overlap 1h");
        let outcome = deployment.run(&rotate).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
        assert!(outcome.stderr.contains(problem), "{}", outcome.stderr);
        assert_eq!(keys(&deployment).await, before, "{statement}");
        database.execute("DROP TRIGGER t").await;
        deployment.json(&rotate).await;
        assert_eq!(keys(&deployment).await.len(), 2);
    }
}

/// Holds the database's lock while the command runs; returns its standard error.
async fn run_under_lock(command: &str, by_key: bool) -> String {
    // Longer than any other change waits.
    const HELD: Duration = Duration::from_secs(4);
    let (deployment, id, key) = with_key("live").await;
    let mut database = Database::open_url(&deployment.database_url()).await;
    database.lock_writers().await;
    let line = command.replace("ID", if by_key { "-" } else { &id });
    let release = async {
        sleep(HELD).await;
        database.unlock_writers().await;
    };
    let (outcome, ()) = tokio::join!(deployment.run_with_input(&line, &key), release);
    assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
    assert!(keys(&deployment).await[0]["revoked_at"].is_string());
    outcome.stderr
}

#[tokio::test]
async fn l8_a_revocation_waits_for_another_process_and_says_so() {
    let notices = tokio::join!(
        run_under_lock("key revoke ID", false),
        run_under_lock("key revoke ID --json", false),
        run_under_lock("key revoke ID", true),
    );
    let expected = "another process is writing to the database; waiting up to 30 s for it\n";
    for notice in [notices.0, notices.1, notices.2] {
        assert_eq!(notice, expected);
    }
}

#[tokio::test]
async fn l8_after_thirty_seconds_a_revocation_says_that_the_key_still_works() {
    let (deployment, id, key) = with_key("live").await;
    let mut database = Database::open_url(&deployment.database_url()).await;
    database.lock_writers().await;
    let (by_id, by_key) = (format!("key revoke {id}"), "key revoke -".to_owned());
    let (one, other) = tokio::join!(
        deployment.run(&by_id),
        deployment.run_with_input(&by_key, &key)
    );
    let expected = format!(
        "another process is writing to the database; waiting up to 30 s for it\n\
         error: key {id} is NOT revoked: another process has locked the database for 30 s; end that process and run \
         the command again\n"
    );
    for outcome in [one, other] {
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
        assert_eq!(outcome.stderr, expected);
    }
    database.execute("ROLLBACK").await;
    deployment.json(&by_id).await;
    assert!(keys(&deployment).await[0]["revoked_at"].is_string());
}

#[tokio::test]
async fn m2_a_key_is_rotated_in_its_own_mode_only() {
    let hint = "if you mean this key, give --mode";
    let other = "its successor cannot be a";
    #[rustfmt::skip]
    let rows = [
        ("live", LIVE, "", None),
        ("test", TEST, "", None),
        ("live", LIVE, " --mode live", None),
        ("live", TEST, " --mode live", None),
        ("live", "", "", None),
        ("live", TEST, "", Some(hint)),
        ("test", LIVE, "", Some(hint)),
        ("live", LIVE, " --mode test", Some(other)),
        ("live", TEST, " --mode test", Some(other)),
        ("test", "", " --mode live", Some(other)),
    ];
    for (mode, secret, flag, problem) in rows {
        for by_key in [false, true] {
            let (mut deployment, id, key) = with_key(mode).await;
            let set = deployment
                .settings
                .insert("STRIPE_SECRET_KEY".to_owned(), secret.to_owned());
            set.expect("the deployment has a secret");
            if secret.is_empty() {
                deployment.settings.remove("STRIPE_SECRET_KEY");
            }
            let before = keys(&deployment).await;
            let selector = if by_key { "-" } else { &id };
            let line = format!("key rotate {selector} --overlap 1h{flag} --json");
            let outcome = deployment.run_with_input(&line, &key).await;
            let row = format!("{mode} {secret}{flag}: {}", outcome.stderr);
            if let Some(problem) = problem {
                assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{row}");
                assert!(outcome.stderr.contains(problem), "{row}");
                assert_eq!(keys(&deployment).await, before, "{row}");
            } else {
                let successor: Value = serde_json::from_str(&outcome.stdout).expect(&row);
                let successor = successor["key"].as_str().expect("the key is shown once");
                assert_eq!(successor[..8], key[..8], "{row}");
            }
        }
    }
}

#[tokio::test]
async fn m2_a_key_whose_mode_is_not_recorded_is_rotated_when_it_is_said() {
    let (deployment, id, key) = with_key("test").await;
    let mut database = Database::open_url(&deployment.database_url()).await;
    database.execute("UPDATE api_keys SET mode = NULL").await;
    let outcome = deployment
        .run(&format!("key rotate {id} --overlap 1h"))
        .await;
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("its mode is not known"),
        "{}",
        outcome.stderr
    );
    let by_mode = deployment
        .json(&format!("key rotate {id} --overlap 1h --mode test"))
        .await;
    assert!(
        by_mode["key"]
            .as_str()
            .expect("a key")
            .starts_with("am_test_")
    );
    let line = "key rotate - --overlap 1h --mode test --json";
    let by_key = deployment.run_with_input(line, &key).await;
    assert!(by_key.stdout.contains("am_test_"), "{}", by_key.stderr);
}

#[tokio::test]
async fn m2_the_mode_of_an_older_key_is_recorded_when_it_is_used() {
    let service = Service::start().await;
    let mut database = Database::open(&service).await;
    database
        .execute("UPDATE api_keys SET mode = NULL, last_used_on = NULL")
        .await;
    let response = service
        .create_portal_session("https://app.example.com/")
        .await;
    assert_eq!(response.status, 200);
    let list = ["key", "list", "--org", "acme"];
    while service.run(&list).await[0].get("last_used_on").is_none() {
        sleep(Duration::from_millis(20)).await;
    }
    let id = service.run(&list).await[0]["id"].clone();
    let id = id.as_str().expect("an id");
    let rotated = service.run(&["key", "rotate", id, "--overlap", "1h"]).await;
    assert!(
        rotated["key"]
            .as_str()
            .expect("a key")
            .starts_with("am_live_")
    );
}
