//! `key create --out` and `key rotate --out`: the key goes into a file that only its user can read, and nowhere else.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use crate::harness::deployment::Deployment;

const CREATE: &str = "key create --org acme --scope billing:write --out";

async fn keys(deployment: &Deployment) -> Vec<Value> {
    let keys = deployment.json("key list --org acme").await;
    keys.as_array().expect("a list").clone()
}

#[tokio::test]
async fn the_key_is_in_the_file_with_mode_600_and_not_in_the_output() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let id = deployment
        .json("key create --org acme --scope billing:write")
        .await;
    let id = id["id"].as_str().expect("an id");
    let rotate = format!("key rotate {id} --overlap 1h --out");
    for (name, line) in [("a.key", CREATE), ("b.key", &rotate)] {
        let file = deployment.file(name);
        let path = file.to_str().expect("UTF-8");
        let before = keys(&deployment).await.len();
        let outcome = deployment.run(&format!("{line} {path}")).await;
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        let written = fs::read_to_string(&file).expect("the file is there");
        let key = written.strip_suffix('\n').expect("one line");
        assert!(key.len() == 44 && key.starts_with("am_"), "a key");
        assert!(!outcome.stdout.contains(&key[8..]) && outcome.stdout.contains(path));
        let mode = fs::metadata(&file).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(keys(&deployment).await.len(), before + 1);
        // The key is the one that was stored.
        let shown = deployment.run_with_input("key show - --json", key).await;
        assert_eq!(shown.code, 0, "{}", shown.stderr);
    }
    let file = deployment.file("c.key");
    let path = file.to_str().expect("UTF-8");
    let created = deployment.json(&format!("{CREATE} {path}")).await;
    assert_eq!(created["out"], path);
    assert!(created.get("key").is_none());
}

#[tokio::test]
async fn a_file_that_exists_or_cannot_be_written_leaves_no_key_and_no_file() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let file = |name: &str| deployment.file(name).to_str().expect("UTF-8").to_owned();
    fs::write(file("taken"), "mine").expect("a writable folder");
    symlink(file("elsewhere"), file("link")).expect("a writable folder");
    #[rustfmt::skip]
    let rows = [
        (format!("{CREATE} {}", file("taken")), "exists already", "a file"),
        (format!("{CREATE} {}", file("link")), "exists already", "a link to a file that is not there"),
        (format!("{CREATE} {}", file("no/such/folder")), "cannot be written", "no folder"),
        (format!("key create --org nobody --scope billing:write --out {}", file("new")), "nobody", "no organization"),
    ];
    for (line, said, why) in rows {
        let outcome = deployment.run(&line).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{why}");
        assert!(outcome.stderr.contains(said), "{why}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("am_live_"), "{why}");
    }
    assert_eq!(fs::read_to_string(file("taken")).expect("a file"), "mine");
    assert!(!deployment.file("elsewhere").exists() && !deployment.file("new").exists());
    assert_eq!(keys(&deployment).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_scope_that_no_operation_uses_is_warned_of() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    #[rustfmt::skip]
    let rows = [
        ("--scope billing:write", None),
        ("--scope billing:wirte", Some("billing:wirte")),
        ("--scope billing:write --scope messages:send", Some("messages:send")),
        ("", Some("no scope")),
    ];
    for (scopes, warned) in rows {
        let line = format!("key create --org acme {scopes}");
        let outcome = deployment.run(line.trim_end()).await;
        assert_eq!(outcome.code, 0);
        let warning = outcome.stderr.starts_with("warning: ");
        assert_eq!(warning, warned.is_some(), "{scopes}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains(warned.unwrap_or_default()),
            "{scopes}"
        );
        let json = deployment.json(line.trim_end()).await;
        assert_eq!(json.get("warnings").is_some(), warned.is_some(), "{json}");
    }
}
