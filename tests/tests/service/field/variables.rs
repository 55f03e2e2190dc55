//! S4 and S9: variables that others set, mistyped ones, and empty ones.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::config_check::{check, check_with, run};
use crate::harness::service::Service;

#[tokio::test]
async fn s4_service_link_variables_are_ignored() {
    let links = [
        ("PORT", "tcp://10.0.0.1:80"),
        ("SERVICE_HOST", "10.0.0.1"),
        ("SERVICE_PORT", "80"),
        ("SERVICE_PORT_HTTP", "80"),
        ("PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("PORT_80_TCP_ADDR", "10.0.0.1"),
        ("PORT_80_TCP_PROTO", "tcp"),
        ("PORT_53_UDP_PORT", "53"),
        // Of another Service in the namespace, `billing-portal-operations`.
        ("OPERATIONS_PORT", "tcp://10.0.0.2:9090"),
        ("OPERATIONS_SERVICE_PORT_METRICS", "9090"),
        ("OPERATIONS_PORT_9090_TCP_PORT", "9090"),
    ];
    check(&links).await.assert_clean("a cluster sets these");
    let service = Service::start().await;
    for (name, value) in links {
        let mut variables = service.variables().to_vec();
        variables.push((format!("BILLING_PORTAL_{name}"), value.to_owned()));
        let listed = crate::harness::command::run(&["org", "list", "--json"], &variables).await;
        assert_eq!((listed.code, listed.stderr.as_str()), (0, ""), "{name}");
    }
}

#[tokio::test]
async fn s4_a_mistyped_variable_is_an_error_that_names_the_nearest_setting() {
    let rows = [
        ("LISTN", "LISTEN"),
        ("STRIPE_SECRET_KEY_FIEL", "STRIPE_SECRET_KEY_FILE"),
        ("RETURN_URL_ALLOWLIST", "RETURN_URL_ALLOW_LIST"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
        ("OPERATION_LISTEN", "OPERATIONS_LISTEN"),
        ("log_format", "LOG_FORMAT"),
        ("STRIPE_SECRET", "STRIPE_SECRET_KEY"),
    ];
    for (mistyped, meant) in rows {
        let report = check(&[(mistyped, "sk_live_unseen")]).await;
        let expected = format!("unknown variable; did you mean BILLING_PORTAL_{meant}?");
        let variable = format!("BILLING_PORTAL_{mistyped}");
        assert_eq!(report.problem(&variable), expected);
    }
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("portal.toml");
    fs::write(&file, "lisen = \"127.0.0.1:1\"").expect("a writable file");
    let file = file.to_str().expect("a readable path");
    let report = check_with(&["--config", file], &[]).await;
    assert_eq!(
        report.problem("lisen"),
        "unknown setting; did you mean listen?"
    );
}

#[tokio::test]
async fn s4_another_unknown_variable_is_a_warning() {
    for name in ["IMAGE_TAG", "CHART", "POD_UID", "SERVICE_ACCOUNT", "PORT_X"] {
        let report = check(&[(name, "7")]).await;
        let variable = format!("BILLING_PORTAL_{name}");
        assert_eq!(report.warning(&variable), "unknown variable; it is ignored");
    }
    let settings = [("IMAGE_TAG", "7"), ("COLOUR", "blue")];
    let (code, text) = run(&["config", "check"], &settings).await;
    let lines = "configuration is valid\n\
                 warning: BILLING_PORTAL_COLOUR: unknown variable; it is ignored\n\
                 warning: BILLING_PORTAL_IMAGE_TAG: unknown variable; it is ignored\n";
    assert_eq!((code, text.as_str()), (Some(0), lines));
    let (_, doctor) = run(
        &["doctor"],
        &[("IMAGE_TAG", "7"), ("STRIPE_SECRET_KEY", "x")],
    )
    .await;
    assert!(
        !doctor.contains("IMAGE_TAG"),
        "problems come first: {doctor}"
    );
    let unreachable = ("STRIPE_API_BASE", "http://127.0.0.1:9");
    let (_, doctor) = run(&["doctor"], &[("IMAGE_TAG", "7"), unreachable]).await;
    assert!(
        doctor.starts_with(
            "ok    configuration          every setting is valid, but: BILLING_PORTAL_IMAGE_TAG: \
             unknown variable; it is ignored\n      fix: remove or correct what is named\n"
        ),
        "{doctor}"
    );
}

#[tokio::test]
async fn s9_an_empty_variable_is_an_unset_one_for_every_setting() {
    let schema = run(&["config", "schema", "--json"], &[]).await.1;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("one JSON value");
    let settings = schema["properties"].as_object().expect("the settings");
    let required = ["RETURN_URL_ALLOW_LIST", "STRIPE_SECRET_KEY"];
    for empty in ["", " ", "\t\r\n", "\u{a0}"] {
        let names: Vec<String> = settings.keys().map(|name| name.to_uppercase()).collect();
        let names = names
            .iter()
            .filter(|name| !required.contains(&name.as_str()));
        let variables: Vec<(&str, &str)> = names.map(|name| (name.as_str(), empty)).collect();
        assert!(variables.len() > 20, "{variables:?}");
        check(&variables).await.assert_clean("all are unset");
        for name in required {
            let report = check(&[(name, empty)]).await;
            assert!(!report.problem(&name.to_lowercase()).is_empty());
        }
    }
    check(&[("NO_SUCH_SETTING", "")])
        .await
        .assert_clean("it is unset too");
}

#[tokio::test]
async fn s9_an_empty_variable_beside_its_file_or_the_toml_file_is_the_file() {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, secret) in [
        ("key", "rk_test_fromafile\n"),
        ("whsec", "whsec_fromafile\n"),
        ("url", "sqlite://from-a-file.db\n"),
    ] {
        fs::write(path(name), secret).expect("a writable file");
        let private = Permissions::from_mode(0o600);
        fs::set_permissions(path(name), private).expect("it is ours");
    }
    fs::write(path("portal.toml"), "portal_url_ttl_seconds = 60\n").expect("a writable file");
    let (key, secret, url) = (path("key"), path("whsec"), path("url"));
    let settings = [
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_SECRET_KEY_FILE", &*key),
        ("STRIPE_WEBHOOK_SECRET", " "),
        ("STRIPE_WEBHOOK_SECRET_FILE", &*secret),
        ("DATABASE_URL", "\n"),
        ("DATABASE_URL_FILE", &*url),
        ("PORTAL_URL_TTL_SECONDS", ""),
    ];
    let toml = path("portal.toml");
    let arguments = ["--config", &*toml, "config", "show"];
    let (code, shown) = run(&arguments, &settings).await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("sqlite://from-a-file.db"), "{shown}");
    assert!(shown.contains("portal_url_ttl_seconds = 60"), "{shown}");
    let report = check_with(&["--config", &*toml], &settings).await;
    assert_eq!(report.problems, [], "each secret is that of its file");
}
