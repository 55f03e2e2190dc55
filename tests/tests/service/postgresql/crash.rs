//! Commands that are killed at any moment while they create keys.

use std::process::Stdio;
use std::time::Duration;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use super::setup::{cluster, command};
use crate::harness::service::{Service, send};
use crate::harness::test_database::TestDatabase;

const KEYS: u64 = 100;
/// The last process is killed so long after its start: most end by themselves before.
const LONGEST: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn every_key_that_was_printed_works_and_no_other_although_commands_are_killed() {
    let cluster = cluster(&[]);
    let url = cluster.url("postgres");
    let service = Service::builder()
        .database(TestDatabase::at(&url))
        .start()
        .await;
    let (mut printed, mut killed) = (Vec::new(), 0);
    for number in 0..KEYS {
        let create = [
            "key",
            "create",
            "--org",
            "acme",
            "--scope",
            "billing:write",
            "--mode",
            "live",
            "--json",
        ];
        let mut create = command(&create, &url);
        let create = create
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut process = create.spawn().expect("the binary runs");
        let mut stdout = process.stdout.take().expect("a pipe");
        let limit =
            LONGEST * u32::try_from(number).expect("small") / u32::try_from(KEYS).expect("small");
        sleep(limit).await;
        process.kill().await.expect("it can be killed");
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.expect("UTF-8");
        match serde_json::from_str::<Value>(&text) {
            Ok(created) => printed.push(created["key"].as_str().expect("a key").to_owned()),
            Err(_) => killed += 1,
        }
    }
    println!(
        "{} keys were printed, {killed} commands were killed before",
        printed.len()
    );
    assert!(killed > 0, "some were killed before they printed");
    for key in &printed {
        let request = TestRequest::portal(key, RETURN_URL);
        assert_eq!(send(service.api(), &request).await.status, 200);
    }
    // A key that was stored and not printed is known to nobody. There is one row for each, and none that is half.
    let keys = service.run(&["key", "list", "--org", "acme"]).await;
    let stored = keys.as_array().expect("a list").len() - 1;
    assert!(
        stored >= printed.len() && stored <= printed.len() + killed,
        "{stored}"
    );
    let made_up = TestRequest::portal("am_live_0000000000000000000000000000000jp4Bt", RETURN_URL);
    assert_eq!(send(service.api(), &made_up).await.status, 401);
}
