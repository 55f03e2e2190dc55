//! `key create` and `key rotate` where nobody would see the new key.

use std::io;
use std::process::Stdio;

use billing_portal_tests::service_process;
use serde_json::Value;
use tokio::process::Command;

use crate::harness::deployment::Deployment;
use crate::harness::process::command;

const CREATE: &str = "key create --org acme --scope billing:write";

/// A deployment with one key, and the id of that key.
async fn deployment_with_key() -> (Deployment, String) {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let created = deployment.json(CREATE).await;
    let id = created["id"].as_str().expect("an id").to_owned();
    (deployment, id)
}

async fn keys(deployment: &Deployment) -> Vec<Value> {
    let keys = deployment.json("key list --org acme").await;
    keys.as_array().expect("a list").clone()
}

/// Runs the binary with a redirection of the shell; whether it succeeded, and standard error.
async fn run(deployment: &Deployment, line: &str, redirection: &str) -> (bool, String) {
    let script = format!("exec \"$0\" {line} {redirection}");
    let binary = service_process::binary().expect("the binary builds");
    let mut shell = Command::new("/bin/sh");
    let shell = shell.arg("-c").arg(script).arg(binary).env_clear();
    let output = shell.envs(deployment.variables()).output().await;
    let output = output.expect("the shell runs");
    let stderr = String::from_utf8(output.stderr).expect("text");
    (output.status.success(), stderr)
}

#[tokio::test]
async fn nothing_is_changed_if_standard_output_cannot_be_written() {
    let (deployment, id) = deployment_with_key().await;
    let before = keys(&deployment).await;
    let file = deployment.file("readable");
    std::fs::write(&file, "").expect("the file is written");
    let only_for_reading = format!("1<{}", file.display());
    let rotate = format!("key rotate {id} --overlap 0s");
    for redirection in [">/dev/full", &only_for_reading] {
        for line in [CREATE, &rotate, &format!("{CREATE} --json")] {
            let (succeeded, stderr) = run(&deployment, line, redirection).await;
            assert!(!succeeded, "{line} {redirection}");
            for part in [
                "standard output cannot be written",
                "nothing was changed",
                "--out",
            ] {
                assert!(stderr.contains(part), "{line} {redirection}: {stderr}");
            }
            assert_eq!(keys(&deployment).await, before, "{line} {redirection}");
        }
    }
}

#[tokio::test]
async fn a_key_in_a_file_and_other_commands_need_no_standard_output() {
    let (deployment, id) = deployment_with_key().await;
    for (index, redirection) in [">&-", ">/dev/null"].into_iter().enumerate() {
        let file = deployment.file(&format!("{index}.key"));
        let create = format!("{CREATE} --out {}", file.display());
        for line in [&create, "key list --org acme", &format!("key show {id}")] {
            let (succeeded, stderr) = run(&deployment, line, redirection).await;
            assert!(succeeded, "{line} {redirection}: {stderr}");
        }
        assert!(file.exists());
    }
    let (succeeded, stderr) = run(&deployment, &format!("key revoke {id}"), ">&-").await;
    assert!(succeeded, "{stderr}");
}

/// The reader of a pipe may be gone, which is known only after the key was created.
#[tokio::test]
async fn a_key_that_could_not_be_shown_is_named_with_the_command_that_revokes_it() {
    let (deployment, old) = deployment_with_key().await;
    let rotate = format!("key rotate {old} --overlap 1h");
    for (line, named) in [
        (CREATE.to_owned(), None),
        (format!("{CREATE} --json"), None),
        (rotate, Some(&old)),
    ] {
        let before = keys(&deployment).await;
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut command = command(&arguments, &deployment.variables());
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn();
        let output = child.expect("it starts").wait_with_output().await;
        let output = output.expect("it ends");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{line}: {stderr}");
        let id = |key: &Value| key["id"].as_str().expect("an id").to_owned();
        let known: Vec<String> = before.iter().map(id).collect();
        let after = keys(&deployment).await;
        let new = after.iter().map(id).find(|id| !known.contains(id));
        let revoke = format!("key revoke {}", new.expect("a new key"));
        assert!(
            stderr.contains(&format!("run billing-portal {revoke}")),
            "{stderr}"
        );
        if let Some(old) = named {
            let until = format!("the key {old} is accepted until ");
            assert!(stderr.contains(&until), "{stderr}");
        }
        assert!(!stderr.contains("am_"), "{stderr}");
        deployment.json(&revoke).await;
    }
}
