//! `billing-portal reload`: it has the running service reload, and says what came of it.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;

use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::service_process;
use serde_json::{Value, json};

use super::events;
use crate::harness::command;
use crate::harness::configured::ConfiguredProcess;
use crate::harness::service::send;

const OTHER: &str = "https://other.example.com/";

#[tokio::test]
async fn s17_the_command_reloads_and_reports_what_changed() {
    let mut service = ConfiguredProcess::start(&[]).await;
    service.set(
        "return_url_allow_list",
        &json!(["https://other.example.com"]),
    );
    service.set("listen", &json!("127.0.0.1:1"));
    let outcome = service.command(&["reload", "--json"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    let printed: Value = serde_json::from_str(&outcome.stdout).expect("one JSON value");
    let expected = json!({
        "ok": true,
        "generation": 2,
        "changed": ["listen", "return_url_allow_list"],
        "restart_needed": ["listen"],
    });
    assert_eq!(printed, expected);
    assert_eq!(service.status_for(OTHER).await, 200);
    let outcome = service.command(&["reload"]).await;
    let text = "generation 3 of the settings is in use\nneeds a restart: listen\n";
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, text));
}

#[tokio::test]
async fn s17_the_command_fails_with_the_problems_and_the_service_logs_the_alert() {
    let mut service = ConfiguredProcess::start(&[]).await;
    service.set(
        "return_url_allow_list",
        &json!(["http://other.example.com"]),
    );
    let outcome = service.command(&["reload", "--json"]).await;
    assert_eq!(outcome.code, 1);
    let printed: Value = serde_json::from_str(&outcome.stdout).expect("one JSON value");
    assert_eq!(
        (&printed["ok"], &printed["generation"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(printed["problems"][0]["setting"], "return_url_allow_list");
    let outcome = service.command(&["reload"]).await;
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.starts_with("return_url_allow_list: "),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.stdout, "generation 1 of the settings is in use\n");
    let (_, log) = service.stop().await;
    assert_eq!(events(&log, "reload_refused").len(), 2);
}

#[tokio::test]
async fn s17_the_command_finds_the_service_without_its_file() {
    let service = ConfiguredProcess::start(&[]).await;
    let operations = service.operations().to_string();
    service.write("this is no TOML");
    let variables = [("BILLING_PORTAL_OPERATIONS_LISTEN".to_owned(), operations)];
    let config = service.config().display().to_string();
    let outcome = command::run(&["reload", "--config", &config], &variables).await;
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("line 1: "), "{}", outcome.stderr);
    let (_, log) = service.stop().await;
    assert_eq!(
        events(&log, "reload_refused").len(),
        1,
        "the service logs the alert"
    );
}

/// The folder has the file of a service. It is not that of the command, which cannot be read.
#[tokio::test]
async fn s17_a_command_without_its_file_reloads_no_other_service() {
    let mut service = ConfiguredProcess::start(&[]).await;
    service.set(
        "return_url_allow_list",
        &json!(["https://other.example.com"]),
    );
    let folder = service.config().parent().expect("a folder").to_owned();
    let own = folder.join("billing-portal.toml");
    if own != service.config() {
        std::fs::copy(service.config(), &own).expect("a copy");
    }
    let broken = folder.join("broken.toml");
    std::fs::write(&broken, "listen = \"127.0.0.1").expect("our folder");
    let missing = folder.join("missing.toml");
    for (file, problem) in [(&broken, "line 1: "), (&missing, "missing.toml: ")] {
        let mut reload = std::process::Command::new(service_process::binary().expect("it builds"));
        reload.arg("reload").arg("--config").arg(file);
        reload.env_clear().current_dir(&folder);
        let outcome = reload.output().expect("it runs");
        let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
        assert_eq!(outcome.status.code(), Some(1), "{said}");
        assert!(said.contains(problem), "{said}");
        assert!(!said.contains("stripe_secret_key"), "{said}");
    }
    assert_eq!(service.readiness().await["generation"], 1);
}

#[tokio::test]
async fn s17_without_a_service_the_command_fails_and_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let variables = [(
        "BILLING_PORTAL_OPERATIONS_LISTEN".to_owned(),
        address.clone(),
    )];
    let outcome = command::run(&["reload"], &variables).await;
    assert_eq!(outcome.code, 1);
    let expected = format!("error: {address}: no service runs here with this operations_listen");
    assert!(outcome.stderr.starts_with(&expected), "{}", outcome.stderr);
}

#[tokio::test]
async fn s17_another_user_cannot_cause_a_reload() {
    const NOBODY: u32 = 65_534;
    let service = ConfiguredProcess::start(&[]).await;
    let variables = [(
        "BILLING_PORTAL_OPERATIONS_LISTEN".to_owned(),
        service.operations().to_string(),
    )];
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if is_root {
        // A copy, because the other user may not be allowed to enter the folder of the build.
        let folder = std::env::temp_dir().join(format!("reload-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let binary = folder.join("billing-portal");
        let built = service_process::binary().expect("the binary builds");
        std::fs::copy(built, &binary).expect("a copy");
        let mut reload = std::process::Command::new(&binary);
        reload
            .arg("reload")
            .env_clear()
            .envs(variables)
            .current_dir("/")
            .uid(NOBODY);
        let outcome = reload.output().expect("it runs");
        std::fs::remove_dir_all(folder).expect("our folder");
        assert_eq!(outcome.status.code(), Some(1));
        let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
        assert!(
            said.contains("run the command as its user or as root"),
            "{said}"
        );
    }
    // Nor does any request to one of the ports.
    for (method, path) in [
        ("POST", "/reload"),
        ("POST", "/-/reload"),
        ("PUT", "/readyz"),
    ] {
        let request = TestRequest::get(path).with_method(method);
        let status = send(service.operations(), &request).await.status;
        assert!(matches!(status, 404 | 405), "{method} {path}: {status}");
    }
    assert_eq!(service.reloads().await, (0, 0));
    assert_eq!(service.readiness().await["generation"], 1);
}
