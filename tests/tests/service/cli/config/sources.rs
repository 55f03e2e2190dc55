//! Where settings come from: the file, variables, and files of secrets.

use crate::harness::command;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

#[tokio::test]
async fn the_declared_document_needs_no_settings() {
    let outcome = command::run(&["openapi", "--json"], &[]).await;
    let document: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(outcome.code, 0);
    let operation = &document["paths"]["/v1/billing/portal"]["post"];
    assert_eq!(operation["operationId"], "create_portal_session");
    assert_eq!(operation["x-required-scopes"], json!(["billing:write"]));
}

#[tokio::test]
async fn settings_come_from_the_file_then_from_variables_and_secrets_from_their_own_files() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let secret = path("secret");
    let file = format!(
        "return_url_allow_list = [\"https://a.example\"]\nportal_url_ttl_seconds = 60\n\
         stripe_secret_key_file = \"{secret}\"\n"
    );
    fs::write(path("billing-portal.toml"), file).expect("the file is written");
    fs::write(&secret, "sk_live_fromafile\n").expect("the file is written");
    fs::set_permissions(&secret, Permissions::from_mode(0o640)).expect("it is ours");

    let file = path("billing-portal.toml");
    let variables = [(
        "BILLING_PORTAL_PORTAL_URL_TTL_SECONDS".to_owned(),
        " 90 ".to_owned(),
    )];
    let show = command::run(&["config", "show", "--json", "--config", &file], &variables).await;
    let shown: Value = serde_json::from_str(&show.stdout).expect("JSON");
    assert_eq!(shown["return_url_allow_list"], json!(["https://a.example"]));
    assert_eq!(shown["portal_url_ttl_seconds"], 90, "the variable wins");
    assert!(!show.stdout.contains("fromafile"), "{}", show.stdout);
    let check = command::run(&["config", "check", "--config", &file], &variables).await;
    assert_eq!(check.code, 0, "{}", check.stdout);
}

#[tokio::test]
async fn an_absent_or_malformed_file_is_reported() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    fs::write(path("typo.toml"), "lisen = \"127.0.0.1:1\"\n").expect("the file is written");
    for (file, named) in [("typo.toml", "lisen"), ("absent.toml", "absent.toml")] {
        let check = command::run(&["config", "check", "--config", &path(file)], &[]).await;
        assert_eq!(check.code, 1);
        assert!(check.stdout.contains(named), "{}", check.stdout);
    }
}

#[tokio::test]
async fn an_unreadable_secret_fails_only_the_commands_that_need_it() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let variables = [
        (
            "BILLING_PORTAL_DATABASE_URL".to_owned(),
            format!("sqlite://{}", path("x.db")),
        ),
        (
            "BILLING_PORTAL_STRIPE_SECRET_KEY_FILE".to_owned(),
            path("absent.key"),
        ),
    ];
    for (command, code) in [
        ("org create --name Acme", 0),
        ("org list", 0),
        ("customer list", 0),
        ("portal-config show", 1),
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let outcome = command::run(&words, &variables).await;
        assert_eq!(outcome.code, code, "{command}: {}", outcome.stderr);
        assert_eq!(
            outcome.stderr.contains("absent.key"),
            code == 1,
            "{}",
            outcome.stderr
        );
    }
}
