//! The commands: what they print with `--json`, what they refuse, and with which exit status.

mod config;
mod healthcheck;
mod help;
mod key_file;
mod terminal;

use billing_portal_server::clock::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::deployment::Deployment;

/// The value without its times and ids, which are held to their forms.
fn settled(mut value: Value) -> Value {
    let Some(fields) = value.as_object_mut() else {
        return value;
    };
    for (name, form) in [
        ("created_at", "created"),
        ("expires_at", "expires"),
        ("revoked_at", "revoked"),
    ] {
        let Some(text) = fields.get(name) else {
            continue;
        };
        let time: DateTime<Utc> = text
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("a time");
        assert_eq!(text, &json!(time.format("%Y-%m-%dT%H:%M:%SZ").to_string()));
        fields.insert(name.to_owned(), json!(form));
    }
    value
}

#[tokio::test]
async fn org_commands_create_list_and_show() {
    let deployment = Deployment::new().await;
    let acme = deployment.json("org create --name Acme --id acme-1").await;
    assert_eq!(
        settled(acme.clone()),
        json!({"id": "acme-1", "name": "Acme", "created_at": "created"})
    );
    let minted = deployment.json("org create --name Minted").await;
    assert!(
        minted["id"]
            .as_str()
            .is_some_and(|id| (1..=64).contains(&id.len()))
    );
    let listed = deployment.json("org list").await;
    let listed = listed.as_array().expect("a list");
    assert!(
        listed.len() == 2 && listed.contains(&acme) && listed.contains(&minted),
        "{listed:?}"
    );
    assert_eq!(deployment.json("org show acme-1").await, acme);
    deployment.json("customer link --org acme-1 cus_1").await;
    assert_eq!(
        deployment.json("org show acme-1").await["customer"],
        "cus_1"
    );
}

const CREATE_KEY: &str =
    "key create --org acme --scope billing:write --scope messages:send --name ci --expires-in 90d";

#[tokio::test]
async fn key_commands_create_list_and_revoke() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let mut created = settled(deployment.json(CREATE_KEY).await);
    let key = created
        .as_object_mut()
        .and_then(|created| created.remove("key"));
    let id = created["id"].as_str().expect("an id").to_owned();
    let mut expected = json!({
        "id": id, "org": "acme", "name": "ci", "scopes": ["billing:write", "messages:send"],
        "created_at": "created", "expires_at": "expires",
    });
    let warned = created
        .as_object_mut()
        .and_then(|created| created.remove("warnings"));
    let warning = "no operation uses the scope messages:send; the portal needs billing:write";
    assert_eq!(warned, Some(json!([warning])));
    assert_eq!(created, expected);
    let listed = deployment.json("key list --org acme").await;
    assert_eq!(settled(listed[0].clone()), expected);
    let key = key.expect("a key").to_string();
    assert!(
        !listed.to_string().contains(&key[9..40]),
        "it is shown once"
    );

    let revoked = deployment.json(&format!("key revoke {id}")).await;
    expected["revoked_at"] = json!("revoked");
    assert_eq!(settled(revoked), expected);
}

#[tokio::test]
async fn key_rotate_creates_a_successor_and_expires_the_old_key_after_the_overlap() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let old = deployment.json(CREATE_KEY).await;
    let id = old["id"].as_str().expect("an id");
    let rotate = format!("key rotate {id} --overlap 24h");
    let new = deployment.json(&rotate).await;
    assert!(new["key"] != old["key"] && new["id"] != old["id"]);
    for same in ["scopes", "name", "org", "expires_at"] {
        assert_eq!(new[same], old[same], "{same}");
    }
    let listed = deployment.json("key list --org acme").await;
    let listed = listed.as_array().expect("a list");
    let old = listed
        .iter()
        .find(|key| key["id"] == *id)
        .expect("it is listed");
    let end = old["expires_at"].as_str().and_then(|end| end.parse().ok());
    let left = end.map(|end: DateTime<Utc>| end - Clock::system().now());
    let overlap = TimeDelta::hours(24);
    assert!(
        left.is_some_and(|left| (overlap - left).abs() < TimeDelta::seconds(10)),
        "{old}"
    );
}

#[tokio::test]
async fn customer_commands_link_unlink_and_list() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    deployment.json("org create --name Beta --id beta").await;
    let linked = deployment.json("customer link --org acme cus_1").await;
    assert_eq!(
        linked,
        json!({"org": "acme", "customer": "cus_1", "state": "active", "source": "operator"})
    );
    assert_eq!(deployment.json("customer list").await, json!([linked]));
    let taken = deployment.run("customer link --org beta cus_1").await;
    assert_eq!(
        (taken.code, taken.stdout.as_str()),
        (1, ""),
        "a customer has one organization"
    );
    assert_eq!(
        deployment.json("customer unlink --org acme").await,
        json!({"org": "acme"})
    );
    assert_eq!(deployment.json("customer list").await, json!([]));
    assert_eq!(deployment.stripe.calls(), 0, "Stripe is not called");
}

#[tokio::test]
async fn failures_exit_1_and_misuse_exits_2_with_nothing_on_stdout() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    #[rustfmt::skip]
    let rows = [
        ("org create --name Again --id acme", 1, "acme"),
        ("org show nobody", 1, "nobody"),
        ("key create --org nobody --scope billing:write", 1, "nobody"),
        ("key list --org nobody", 1, "nobody"),
        ("key revoke key_0", 1, "key_0"),
        ("customer link --org nobody cus_1", 1, "nobody"),
        ("customer unlink --org nobody", 1, "nobody"),
        ("org create --name x --id no/slash", 2, "--id"),
        ("key create --org acme --scope billing", 2, "--scope"),
        ("key create --org acme --scope a:b --expires-in soon", 2, "--expires-in"),
        ("key create --org acme --scope a:b --expires-in 0d", 2, "expired already"),
        ("key create --org acme --scope a:b --expires-in 0s", 2, "expired already"),
        ("key create --org acme --scope a:b --expires-in 00h", 2, "expired already"),
        ("key create --org acme --scope a:b --expires-in=-1d", 2, "--expires-in"),
        ("key create --org acme --scope a:b --expires-in=-0m", 2, "--expires-in"),
        ("customer link --org acme a/b", 2, "a/b"),
        ("key create", 2, "--org"),
        ("nonsense", 2, "nonsense"),
    ];
    for (line, code, named) in rows {
        let outcome = deployment.run(&format!("{line} --json")).await;
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (code, ""),
            "{line}: {}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains(named), "{line}: {}", outcome.stderr);
    }
}
