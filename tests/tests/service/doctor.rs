//! `doctor`: each way to fail is named by one check, with what to do, and hides none of the others.

mod at_stripe;
mod authorities;
mod fixture;
mod settings;

use std::fs;

use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};

use crate::harness::database::Database;
use fixture::{CHECKS, Fixture};

/// Whatever Stripe says, none of it is shown.
fn refusal(status: u16, code: &str, param: &str, message: &str) -> Reply {
    let message = format!("UNSEEN {message}");
    let error = json!({ "type": "invalid_request_error", "code": code, "param": param, "message": message });
    Reply::json(status, &json!({ "error": error })).header("Stripe-Should-Retry", "false")
}

#[tokio::test]
async fn a_correct_deployment_passes_every_check_and_changes_nothing_at_stripe() {
    let fixture = Fixture::new().await;
    let checks = fixture.checks().await;
    let details: Vec<&str> = CHECKS
        .iter()
        .map(|name| checks[*name]["detail"].as_str().unwrap_or_default())
        .collect();
    let api_base = fixture.stripe.api_base();
    assert_eq!(
        details,
        [
            "every setting is valid",
            "it opens, has the tables of this version, and can be read and written",
            "https://app.example.com",
            "live mode, restricted",
            "one secret",
            &format!("{api_base} answers"),
            "Stripe accepts the key",
            "the key may create portal sessions",
            "everything is of live mode",
            "not created yet: serve creates it at start",
            "within a minute of Stripe's",
            "none",
            "none is in the future",
            "the settings have every profile in use",
        ]
    );
    assert!(checks.values().all(|check| check.get("fix").is_none()));
    assert_eq!(fixture.stripe.configurations(), Vec::<Value>::new());

    fixture.run_ensure().await;
    let id = fixture.stripe.configurations()[0]["id"].clone();
    let detail = format!("{}: plans cannot be changed", id.as_str().expect("an id"));
    let check = &fixture.checks().await["portal_configuration"];
    assert_eq!(check["detail"], detail);
    let requested = fixture.stripe.received_at(Endpoint::Sessions);
    let with = requested
        .last()
        .and_then(|call| call.field("configuration"));
    assert_eq!(with, id.as_str());
}

#[tokio::test]
async fn an_unusual_but_valid_setting_passes_with_a_note() {
    let fixture = Fixture::with_secret("sk_test_simulated0000000000000000").await;
    let fixture = fixture.set("STRIPE_WEBHOOK_SECRET", "");
    let checks = fixture.checks().await;
    assert!(checks.values().all(|check| check["ok"] == true));
    assert_eq!(
        checks["stripe_secret"],
        json!({
            "name": "stripe_secret", "ok": true,
            "detail": "test mode, unrestricted; production with a test secret: nobody can pay",
            "fix": "set stripe_secret_key to the live key before customers pay",
        })
    );
    assert_eq!(
        checks["webhook_secret"],
        json!({
            "name": "webhook_secret", "ok": true,
            "detail": "none: the service does not receive webhooks, and only commands link customers",
            "fix": "add a webhook endpoint for /webhooks/stripe in Stripe's dashboard, and put its whsec_… into \
                    stripe_webhook_secret",
        })
    );
}

#[tokio::test]
async fn the_text_has_a_line_for_each_check_and_ends_with_the_result() {
    let fixture = Fixture::new().await;
    let outcome = fixture.run(&["doctor"]).await;
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!((outcome.code, lines.len()), (0, CHECKS.len() + 1));
    assert_eq!(lines[14], "all 14 checks passed");

    let file = fixture.path("billing-portal.toml");
    fs::write(&file, "this is no TOML").expect("a writable file");
    let outcome = fixture.run(&["doctor", "--config", &file]).await;
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(outcome.code, 1);
    assert!(lines[0].starts_with("FAIL  configuration "), "{}", lines[0]);
    assert!(lines[1].starts_with("      fix: "), "{}", lines[1]);
    let all = CHECKS.join(", ");
    let last = lines.last().copied().unwrap_or_default();
    assert_eq!(last, format!("14 of 14 checks failed: {all}"));
    let waits = "skipped: configuration failed";
    assert_eq!(outcome.stdout.matches(waits).count(), 13);
}

#[tokio::test]
async fn m12_a_mapping_with_a_time_in_the_future_is_reported_until_it_is_linked_again() {
    let fixture = Fixture::new().await;
    for id in ["a", "b", "c", "d"] {
        for line in [
            format!("org create --id {id} --name {id}"),
            format!("customer link --org {id} cus_{id}"),
        ] {
            let arguments: Vec<&str> = line.split(' ').collect();
            assert_eq!(fixture.run(&arguments).await.code, 0, "{line}");
        }
    }
    let mut database = Database::open_url(&format!("sqlite://{}", fixture.path("x.db"))).await;
    // A year and six minutes ahead, one within what clocks may differ, and one as it was recorded.
    database
        .execute(
            "UPDATE organizations SET customer_as_of = customer_as_of + 31536000 WHERE id = 'a';
             UPDATE organizations SET customer_as_of = customer_as_of + 360 WHERE id = 'b';
             UPDATE organizations SET customer_as_of = customer_as_of + 240 WHERE id = 'c';",
        )
        .await;
    let check = fixture.checks().await["mapping_times"].clone();
    assert_eq!(check["ok"], true, "portals open all the same");
    let detail = check["detail"].as_str().expect("text");
    assert!(detail.starts_with("2 in the future"), "{detail}");
    assert!(detail.contains("organization a;"), "{detail}");
    assert!(
        check["fix"]
            .as_str()
            .expect("text")
            .contains("customer link")
    );
    for (id, left) in [("a", "1 in the future"), ("b", "none is in the future")] {
        let customer = format!("cus_{id}");
        let linked = fixture
            .run(&["customer", "link", "--org", id, &customer])
            .await;
        assert_eq!(linked.code, 0, "{}", linked.stderr);
        let check = fixture.checks().await["mapping_times"].clone();
        let detail = check["detail"].as_str().expect("text");
        assert!(detail.starts_with(left), "{detail}");
    }
}
