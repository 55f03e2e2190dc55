//! A host without certificate authorities: TLS trusts nobody, so that Stripe cannot be called.

use serde_json::Value;

use crate::harness::deployment::Deployment;
use crate::harness::process::command;

/// What the binary prints, where it can load no authority.
async fn run(deployment: &Deployment, line: &str, authorities: &[(&str, &str)]) -> (bool, String) {
    let mut variables = deployment.variables();
    let authorities = authorities.iter();
    variables.extend(authorities.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let arguments: Vec<&str> = line.split(' ').collect();
    let output = command(&arguments, &variables).output().await;
    let output = output.expect("the binary runs");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).expect("text");
    (output.status.success(), printed)
}

#[tokio::test]
async fn without_certificate_authorities_every_command_says_what_is_missing_and_what_to_do() {
    let mut deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let settings = &mut deployment.settings;
    settings.insert("LISTEN".to_owned(), "127.0.0.1:0".to_owned());
    settings.insert("OPERATIONS_LISTEN".to_owned(), "127.0.0.1:0".to_owned());
    let empty = deployment.file("empty.pem");
    std::fs::write(&empty, "").expect("the file is written");
    let empty = empty.to_str().expect("a path of text");
    let environments = [
        [
            ("SSL_CERT_FILE", "/nonexistent"),
            ("SSL_CERT_DIR", "/nonexistent"),
        ],
        [("SSL_CERT_FILE", empty), ("SSL_CERT_DIR", "/nonexistent")],
        [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/dev")],
    ];
    for environment in environments {
        for line in [
            "serve",
            "portal-config show",
            "portal-config ensure --json",
            "customer sync",
            "doctor",
        ] {
            let (succeeded, printed) = run(&deployment, line, &environment).await;
            assert!(!succeeded, "{line}: {printed}");
            for part in [
                "the certificate authorities of this system cannot be loaded",
                "install the package ca-certificates",
                "SSL_CERT_FILE",
            ] {
                assert!(printed.contains(part), "{line}: {printed}");
            }
        }
        let (_, printed) = run(&deployment, "doctor --json", &environment).await;
        let report: Value = serde_json::from_str(&printed).expect("one JSON value");
        let checks = report["checks"].as_array().expect("checks");
        for check in checks {
            let detail = check["detail"].as_str().unwrap_or_default();
            let expected = match check["name"].as_str().unwrap_or_default() {
                "stripe_reachable" => "TLS: ",
                "stripe_credentials"
                | "stripe_permission"
                | "stripe_mode"
                | "portal_configuration"
                | "clock" => "skipped: stripe_reachable failed",
                _ => {
                    assert_eq!(check["ok"], true, "{check}");
                    continue;
                }
            };
            assert!(
                detail.starts_with(expected) && check["ok"] == false,
                "{check}"
            );
        }
    }
}
