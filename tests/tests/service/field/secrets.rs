//! S23: a secret that is given where an id belongs is never printed, and a leaked key is found by the key itself.

use std::fs;

use serde_json::json;

use crate::harness::deployment::Deployment;
use crate::keys::well_formed;

/// What must not be seen: the part after the prefix, as it is in every spelling below.
const BODY: &str = "0123456789abcdefghijABCDEFGHIJ";

/// The spellings in which a secret may be pasted.
fn spellings() -> Vec<String> {
    let plain = [
        "am_live_",
        "am_test_",
        "sk_live_",
        "sk_test_",
        "sk_org_live_",
        "sk_org_test_",
        "sk_org_",
        "rk_live_",
        "rk_test_",
        "rk_org_live_",
        "ek_live_",
        "ek_test_",
        "whsec_",
    ]
    .map(|prefix| format!("{prefix}{BODY}"));
    let encoded = [
        format!("am%5Flive%5F{BODY}"),
        format!("%73k_live_{BODY}"),
        format!("rk%255Ftest%255F{BODY}"),
        format!("whsec%5f{BODY}"),
        format!("AM_LIVE_{BODY}"),
        format!("Bearer=am_live_{BODY}"),
        format!("key_am_live_{BODY}"),
        format!("xsk_test_{BODY}"),
        format!("https://billing.stripe.com/p/session/{BODY}"),
        well_formed("am_live_", BODY),
    ];
    plain.into_iter().chain(encoded).collect()
}

/// Every place of a command line at which an id, a name or a file may be given.
const COMMANDS: [&str; 25] = [
    "org create --name x --id SECRET",
    "org create --name SECRET",
    "org show SECRET",
    "org allow-return-url acme SECRET",
    "org allow-return-url acme https://SECRET.example.com",
    "org allow-return-url acme https://app.SECRET.com:8443",
    "key create --org SECRET --scope billing:write",
    "key create --org acme --scope SECRET",
    "key create --org acme --name SECRET",
    "key create --org acme --expires-in SECRET",
    "key create --org acme --mode SECRET",
    "key list --org SECRET",
    "key show SECRET",
    "key revoke SECRET",
    "key rotate SECRET --overlap 1h",
    "key rotate key_1 --overlap SECRET",
    "customer link --org SECRET cus_1",
    "customer link --org acme SECRET",
    "customer unlink --org SECRET",
    "customer import SECRET",
    "config check --config SECRET",
    "doctor --config SECRET",
    "SECRET",
    "key SECRET",
    "--SECRET",
];

#[tokio::test]
async fn s23_no_command_prints_a_secret_that_is_given_in_place_of_something_else() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    for secret in spellings() {
        for command in COMMANDS {
            for line in [command.to_owned(), format!("{command} --json")] {
                let outcome = deployment.run(&line.replace("SECRET", &secret)).await;
                assert_ne!(outcome.code, 0, "{line} {secret} is refused");
                let printed = format!("{}{}", outcome.stdout, outcome.stderr);
                assert!(!printed.contains(BODY), "{line}: {printed}");
            }
        }
    }
    assert_eq!(deployment.json("org list").await[0]["id"], "acme");
    assert_eq!(deployment.json("key list --org acme").await, json!([]));
    let origins = deployment.json("org return-urls acme").await;
    assert_eq!(origins["origins"], json!([]));
}

/// L5: a secret in place of an address, an id, a URL, a level, a host, a network or a file.
#[tokio::test]
async fn l5_no_configuration_command_prints_a_secret_that_is_given_as_another_setting() {
    const SETTINGS: [&str; 8] = [
        "LISTEN",
        "LOG",
        "STRIPE_ACCOUNT",
        "STRIPE_API_BASE",
        "STRIPE_PORTAL_CONFIGURATION",
        "STRIPE_PORTAL_HOSTS",
        "STRIPE_SECRET_KEY_FILE",
        "TRUSTED_PROXIES",
    ];
    for prefix in ["sk_org_live_", "sk_org_test_", "rk_org_", "ek_live_"] {
        let secret = format!("{prefix}{BODY}");
        for setting in SETTINGS {
            let mut deployment = Deployment::new().await;
            deployment.settings.remove("STRIPE_SECRET_KEY");
            deployment
                .settings
                .insert(setting.to_owned(), secret.clone());
            for command in ["config check", "config show", "doctor"] {
                let outcome = deployment.run(command).await;
                let printed = format!("{}{}", outcome.stdout, outcome.stderr);
                assert!(
                    printed.contains("[redacted]"),
                    "{setting}, {command}: {printed}"
                );
                assert!(!printed.contains(BODY), "{setting}, {command}: {printed}");
            }
        }
    }
}

/// L5: a setting that names the file of a secret has the secret itself.
#[tokio::test]
async fn l5_no_command_prints_a_secret_that_is_given_as_the_name_of_its_file() {
    const FILES: [&str; 5] = [
        "STRIPE_SECRET_KEY_FILE",
        "STRIPE_WEBHOOK_SECRET_FILE",
        "STRIPE_PROXY_FILE",
        "OTLP_ENDPOINT_FILE",
        "DATABASE_URL_FILE",
    ];
    let commands = ["config show", "config check", "doctor", "org list", "serve"];
    for secret in spellings().into_iter().step_by(4) {
        for file in FILES {
            let mut deployment = Deployment::new().await;
            deployment.json("org create --name Acme --id acme").await;
            deployment.settings.remove(file.trim_end_matches("_FILE"));
            deployment.settings.insert(file.to_owned(), secret.clone());
            for command in commands {
                for line in [command.to_owned(), format!("{command} --json")] {
                    let outcome = deployment.run(&line).await;
                    let printed = format!("{}{}", outcome.stdout, outcome.stderr);
                    assert!(!printed.contains(BODY), "{file}, {line}: {printed}");
                }
            }
        }
    }
}

#[tokio::test]
async fn s23_a_secret_in_a_file_to_import_is_not_printed() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let file = deployment.file("customers.csv");
    for secret in spellings() {
        for row in [format!("{secret},cus_1"), format!("fresh,{secret}")] {
            fs::write(&file, format!("org,customer\n{row}\n")).expect("the file is written");
            for flag in ["", " --json"] {
                let line = format!("customer import {}{flag}", file.display());
                let outcome = deployment.run(&line).await;
                assert_eq!(outcome.code, 1, "{row}: {}", outcome.stdout);
                let printed = format!("{}{}", outcome.stdout, outcome.stderr);
                assert!(!printed.contains(BODY), "{row}: {printed}");
            }
        }
    }
    assert_eq!(deployment.json("customer list").await, json!([]));
}

/// The fields are shown cut: nothing of the secret is, wherever the cut is.
#[tokio::test]
async fn s23_a_secret_in_a_long_field_of_a_file_to_import_is_not_printed() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let file = deployment.file("customers.csv");
    let line = format!("customer import {}", file.display());
    for padding in (0..120).step_by(5) {
        let long = format!("{}sk_live_{BODY}", "x".repeat(padding));
        for content in [
            format!("org,customer\n{long},cus_1\n"),
            format!("org,customer\nacme,{long}\n"),
            format!("{long},name\nacme,cus_1\n"),
        ] {
            fs::write(&file, &content).expect("the file is written");
            for flag in ["", " --json"] {
                let outcome = deployment.run(&format!("{line}{flag}")).await;
                let printed = format!("{}{}", outcome.stdout, outcome.stderr);
                assert_eq!(outcome.code, 1, "{content}: {printed}");
                assert!(!printed.contains(&BODY[..4]), "{content}: {printed}");
            }
        }
    }
}

#[tokio::test]
async fn s23_a_name_that_only_resembles_a_secret_is_an_id() {
    let deployment = Deployment::new().await;
    for id in [
        "network_live_1",
        "team_test_eu",
        "task_org_chart",
        "desk_live_chat",
        "sk_team_eu",
        "sk_live",
        "whsec",
    ] {
        let line = format!("org create --name x --id {id}");
        assert_eq!(deployment.json(&line).await["id"], id);
        assert_eq!(deployment.json(&format!("org show {id}")).await["id"], id);
    }
}

#[tokio::test]
async fn s23_the_key_itself_is_read_from_standard_input_and_found_by_its_hash() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let created = deployment.json("key create --org acme --scope a:b").await;
    let key = created["key"].as_str().expect("the key is shown once");
    let inputs = [
        key.to_owned(),
        format!("{key}\n"),
        format!("  {key}\r\n\r\n"),
        format!("'{key}'"),
        format!("curl -H \"Authorization: Bearer {key}\" https://example.com ({key})"),
    ];
    for input in inputs {
        let shown = deployment.run_with_input("key show - --json", &input).await;
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
        let shown: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
        assert_eq!((&shown["id"], shown.get("key")), (&created["id"], None));
    }
    let id = created["id"].as_str().expect("an id");
    let by_id = deployment.json(&format!("key show {id}")).await;
    assert_eq!(by_id["created_at"], created["created_at"]);

    let rotated = deployment
        .run_with_input("key rotate - --overlap 1h --json", key)
        .await;
    let rotated: serde_json::Value = serde_json::from_str(&rotated.stdout).expect("JSON");
    assert_ne!(rotated["key"], created["key"]);

    let revoked = deployment.run_with_input("key revoke - --json", key).await;
    assert_eq!((revoked.code, revoked.stderr.as_str()), (0, ""));
    let revoked: serde_json::Value = serde_json::from_str(&revoked.stdout).expect("JSON");
    assert_eq!(revoked["id"], created["id"]);
    assert!(revoked["revoked_at"].is_string());
    let successor = rotated["id"].as_str().expect("an id");
    let successor = deployment.json(&format!("key show {successor}")).await;
    assert_eq!(successor.get("revoked_at"), None, "the other key stays");
}

#[tokio::test]
async fn s23_standard_input_without_one_known_key_is_refused_without_being_printed() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let unknown = well_formed("am_live_", BODY);
    let another = well_formed("am_test_", BODY);
    let two = format!("{unknown} {another}");
    let of_stripe = format!("sk_live_{BODY}");
    #[rustfmt::skip]
    let rows = [
        ("", "holds no complete API key"),
        (&unknown[..43], "holds no complete API key"),
        (&of_stripe, "holds no complete API key"),
        (&two, "holds more than one API key"),
        (&unknown, "is not a key of this database"),
    ];
    for (input, problem) in rows {
        for command in ["key show -", "key revoke -", "key rotate - --overlap 1h"] {
            let outcome = deployment.run_with_input(command, input).await;
            assert_eq!(
                (outcome.code, outcome.stdout.as_str()),
                (1, ""),
                "{command}"
            );
            assert!(outcome.stderr.contains(problem), "{}", outcome.stderr);
            assert!(!outcome.stderr.contains(BODY), "{}", outcome.stderr);
        }
    }
}
