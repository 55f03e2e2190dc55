//! The commands about configuration: this service's own, Stripe's portal configuration, and the declared document.

mod properties;
mod sources;

use std::fs::{self};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::command;
use crate::harness::deployment::Deployment;

#[tokio::test]
async fn portal_config_commands_show_make_and_verify_the_configuration() {
    let mut deployment = Deployment::new().await;
    assert_eq!(
        deployment.run("portal-config show").await.code,
        1,
        "there is none yet"
    );
    let ensured = deployment.json("portal-config ensure").await;
    let id = deployment.stripe.configurations()[0]["id"].clone();
    assert_eq!(ensured, json!({"id": id, "ok": true, "violations": []}));
    assert_eq!(deployment.json("portal-config show").await, ensured);
    assert_eq!(deployment.json("portal-config verify").await, ensured);

    let change = json!({"features": {"subscription_cancel": {"enabled": true}}});
    let named = deployment.stripe.add_configuration(&change);
    deployment
        .settings
        .insert("STRIPE_PORTAL_CONFIGURATION".to_owned(), named.clone());
    for command in ["show", "ensure", "verify"] {
        let outcome = deployment
            .run(&format!("portal-config {command} --json"))
            .await;
        let answer: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!(
            (outcome.code, &answer["ok"], &answer["id"]),
            (1, &json!(false), &json!(named))
        );
        assert_eq!(
            answer["violations"].as_array().map(Vec::len),
            Some(1),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn config_commands_check_and_show_without_secrets() {
    let deployment = Deployment::new().await;
    assert_eq!(
        deployment.json("config check").await,
        json!({"ok": true, "problems": []})
    );
    let shown = deployment.json("config show").await.to_string();
    assert!(
        shown.contains("https://app.example.com")
            && !shown.contains(&deployment.stripe.secret()[8..]),
        "{shown}"
    );
    let schema = deployment.json("config schema").await;
    assert!(schema["properties"]["return_url_allow_list"]["description"].is_string());
}

#[tokio::test]
async fn a_secret_of_the_wrong_type_is_named_and_not_shown() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("portal.toml");
    let file = file.to_str().expect("a readable path");
    for setting in [
        "stripe_webhook_secret = \"whsec_unseen\"",
        "stripe_secret_key = [\"sk_live_unseen\"]",
        "database_url = [\"postgres://me:unseen@db\"]",
    ] {
        fs::write(file, setting).expect("a writable file");
        let outcome = command::run(&["--config", file, "config", "check", "--json"], &[]).await;
        let said = outcome.stdout + &outcome.stderr;
        let name = setting.split(' ').next().expect("a name");
        assert_eq!(outcome.code, 1, "{said}");
        assert!(said.contains(name) && !said.contains("unseen"), "{said}");
    }
}

#[tokio::test]
async fn every_wrong_setting_is_named_at_once() {
    let mut deployment = Deployment::new().await;
    let spoiled = [
        (
            "RETURN_URL_ALLOW_LIST",
            "http://a.example,https://b.example/x",
        ),
        ("STRIPE_SECRET_KEY", "pk_live_mistaken"),
        ("PORTAL_URL_TTL_SECONDS", "59"),
        ("MAX_IN_FLIGHT", "many"),
        ("LISTEN", "everywhere"),
        ("STRIPE_API_BASE", "http://api.stripe.example"),
        ("MAX_IN_FLIHGT", "1"),
    ];
    deployment
        .settings
        .extend(spoiled.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let outcome = deployment.run("config check --json").await;
    let answer: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!((outcome.code, &answer["ok"]), (1, &json!(false)));
    let problems = answer["problems"].as_array().expect("a list");
    for (name, _) in spoiled {
        let named = |problem: &Value| {
            problem["setting"]
                .as_str()
                .is_some_and(|setting| setting.to_uppercase().ends_with(name))
        };
        assert!(
            problems.iter().any(named),
            "{name} is not named in {answer}"
        );
    }
    assert!(
        !outcome.stdout.contains("mistaken"),
        "no secret, not even a wrong one"
    );
    let serve = deployment.run("serve").await;
    assert_eq!(
        (serve.code, serve.stdout.as_str()),
        (1, ""),
        "it does not start"
    );
}
