//! The database's file: M11, who may read it, and L9: a file that is absent, or no longer the one in use.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::harness::deployment::Deployment;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

fn modes(file: &Path) -> Vec<u32> {
    let mode = |suffix: &str| {
        let file = format!("{}{suffix}", file.display());
        let metadata = fs::metadata(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        metadata.permissions().mode() & 0o777
    };
    ["", "-wal", "-shm"].map(mode).to_vec()
}

#[tokio::test]
async fn m11_only_the_user_of_the_service_can_use_a_new_database() {
    // `org create` created it, and the service has it open.
    let service = Service::builder().sqlite().start().await;
    assert_eq!(modes(&service.database()), [0o600; 3]);

    let elsewhere = service.file("new.db");
    let url = format!("sqlite://{}", elsewhere.display());
    let process = Process::beside(&service, &[("DATABASE_URL", &url)]).await;
    assert_eq!(modes(&elsewhere), [0o600; 3]);
    process.kill().await;
}

#[tokio::test]
async fn m11_doctor_warns_of_a_database_that_others_can_use() {
    let deployment = Deployment::sqlite().await;
    deployment.json("org create --name Acme --id acme").await;
    deployment.json("portal-config ensure").await;
    for (mode, warned) in [
        (0o644, true),
        (0o640, true),
        (0o604, true),
        (0o660, true),
        (0o600, false),
        (0o400, false),
    ] {
        fs::set_permissions(deployment.database(), Permissions::from_mode(mode)).expect("set");
        let outcome = deployment.run("doctor --json").await;
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let checks = report["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == "database");
        let check = check.expect("the database is checked");
        assert_eq!(check["ok"], true, "{mode:o}: {check}");
        assert_eq!(check.get("fix").is_some(), warned, "{mode:o}: {check}");
        let detail = check["detail"].as_str().expect("a detail");
        assert_eq!(
            detail.contains(&format!("mode {mode:04o}")),
            warned,
            "{detail}"
        );
    }
}

#[tokio::test]
async fn l9_only_serve_and_org_create_create_a_database() {
    let deployment = Deployment::sqlite().await;
    let csv = deployment.file("x.csv");
    fs::write(&csv, "org,customer\nacme,cus_1\n").expect("the file is written");
    let import = format!("customer import {}", csv.display());
    let commands = [
        "org list",
        "org show acme",
        "key create --org acme --scope billing:write",
        "key list --org acme",
        "key show key_1",
        "key revoke key_1",
        "key rotate key_1 --overlap 1h",
        "customer link --org acme cus_1",
        "customer unlink --org acme",
        "customer list",
        "customer sync",
        "doctor",
        &import,
    ];
    for content in [None, Some("")] {
        if let Some(content) = content {
            fs::write(deployment.database(), content).expect("the file is written");
        }
        for command in commands {
            let outcome = deployment.run(command).await;
            assert_eq!(outcome.code, 1, "{command}");
            let printed = format!("{}{}", outcome.stdout, outcome.stderr);
            let expected = format!("{} does not exist", deployment.database().display());
            assert!(printed.contains(&expected), "{command}: {printed}");
            let size = fs::metadata(deployment.database()).map(|metadata| metadata.len());
            assert_eq!(size.ok(), content.map(|_| 0), "{command}");
        }
    }
    deployment.json("org create --name Acme --id acme").await;
    assert_eq!(deployment.run("key list --org acme").await.code, 0);
}

/// Does the same with the database and the files that SQLite has beside it, as far as they exist.
fn for_each_file(database: &Path, suffix: &str, action: impl Fn(&Path, &Path) -> io::Result<()>) {
    for beside in ["", "-wal", "-shm"] {
        let name = format!("{}{beside}", database.display());
        let other = format!("{name}.{suffix}");
        if fs::exists(&name).expect("known") || fs::exists(&other).expect("known") {
            _ = action(Path::new(&name), Path::new(&other));
        }
    }
}

/// Waits until a request is answered with this status: a change of the file is noticed within a second or two.
async fn wait_for_status(service: &Service, status: u16) {
    wait_for_status_at(service.api(), service, status).await;
}

/// The same at the address of another instance.
async fn wait_for_status_at(api: SocketAddr, service: &Service, status: u16) {
    let since = Instant::now();
    let portal = TestRequest::portal(service.key(), RETURN_URL);
    while send(api, &portal).await.status != status {
        assert!(since.elapsed() < Duration::from_secs(30), "never {status}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn l9_a_service_whose_database_was_replaced_answers_503_until_it_is_back() {
    let service = Service::builder().sqlite().start().await;
    let process = Process::beside(&service, &[]).await;
    let file = service.database();
    wait_for_status(&service, 200).await;
    for_each_file(&file, "aside", |from, to| fs::rename(from, to));
    wait_for_status(&service, 503).await;
    wait_for_status_at(process.api, &service, 503).await;
    assert_eq!(service.readiness().await.status, 503);
    let revoked = service.command(&["key", "revoke", "key_1"]).await;
    let problem = "does not exist";
    assert!(revoked.stderr.contains(problem), "{}", revoked.stderr);
    assert!(!file.exists(), "no command created another one");

    // Another database in its place, then a copy of the same one.
    let create = ["org", "create", "--id", "acme", "--name", "Another"];
    service.run(&create).await;
    wait_for_status(&service, 503).await;
    for_each_file(&file, "other", |from, to| fs::rename(from, to));
    for_each_file(&file, "aside", |from, to| fs::copy(to, from).map(drop));
    wait_for_status(&service, 503).await;

    for_each_file(&file, "aside", |from, to| fs::rename(to, from));
    wait_for_status(&service, 200).await;
    wait_for_status_at(process.api, &service, 200).await;
    assert_eq!(service.readiness().await.status, 200);

    process.terminate().await;
    let (_, log) = process.end().await;
    let alerts = |event: &str| {
        let is_alert = |line: &&str| line.contains(event) && line.contains("\"alert\":true");
        log.lines().filter(is_alert).count()
    };
    assert_eq!(alerts("\"database_file_replaced\""), 1, "{log}");
    assert_eq!(alerts("\"database_file_restored\""), 1, "{log}");
}
