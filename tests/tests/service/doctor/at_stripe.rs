//! What `doctor` finds at Stripe.

use super::fixture::{CHECKS, Fixture};
use super::refusal;
use billing_portal_server::clock::Clock;
use billing_portal_tests::stripe::{Endpoint, Reply, SimulatedStripe};
use chrono::TimeDelta;
use serde_json::json;

#[tokio::test]
async fn each_refusal_of_stripe_fails_its_own_check() {
    let other_mode = "No such configuration; a similar object exists in test mode";
    #[rustfmt::skip]
    let rows: [(Reply, &str, &str, &str, &[&str]); 4] = [
        (refusal(401, "", "", "Invalid API Key"), "stripe_credentials",
         "Stripe does not accept stripe_secret_key (credentials_refused)",
         "create a new restricted key in Stripe's dashboard, set stripe_secret_key to it and restart", &CHECKS[7..10]),
        (refusal(403, "more_permissions_required", "", "The key lacks"), "stripe_permission",
         "Stripe does not allow the key to create portal sessions (permission)",
         "give the restricted key the permission Customer portal: Write (for customer sync and link --verify also \
          Customers: Read)", &CHECKS[8..10]),
        (refusal(404, "resource_missing", "id", other_mode), "stripe_mode",
         "stripe_secret_key is of live mode; the object is of the other mode (mode_mismatch)",
         "use the secret key of the mode, live or test, in which the customers and the portal configuration were created",
         &CHECKS[9..10]),
        (refusal(400, "parameter_unknown", "customer", "Received unknown"), "stripe_permission",
         "Stripe does not allow the key to create portal sessions (bad_request)",
         "update the service; report it if it continues", &CHECKS[8..10]),
    ];
    for (reply, name, detail, fix, waiting) in rows {
        let fixture = Fixture::new().await.answered(&reply);
        fixture.assert_failure(name, detail, fix, waiting).await;
    }
}

#[tokio::test]
async fn a_stripe_key_that_may_not_create_sessions_is_reported() {
    let fixture = Fixture::new().await;
    fixture.run_ensure().await;
    fixture.stripe.answer_always(
        Endpoint::Sessions,
        refusal(403, "more_permissions_required", "", "lacks"),
    );
    let fix = "give the restricted key the permission Customer portal: Write (for customer sync and link --verify \
               also Customers: Read)";
    let detail = "Stripe does not allow the key to create portal sessions (permission)";
    fixture
        .assert_failure("stripe_permission", detail, fix, &[])
        .await;
}

#[tokio::test]
async fn an_unusable_response_of_stripe_is_reported_with_its_cause() {
    #[rustfmt::skip]
    let rows = [
        (Reply::status(503).header("Stripe-Should-Retry", "false"), "server_error: 503",
         "check status.stripe.com for an outage; it ends by itself"),
        (Reply::status(302), "redirect", "correct stripe_api_base; if it is correct, find out what responds in Stripe's place"),
        (Reply::status(404), "unexpected_status", "find out what responds at stripe_api_base; update the service"),
        (Reply::status(429), "rate_limited", "lower stripe_rate_limit, or find out what else uses the account's limit"),
        (Reply::json(200, &json!("UNSEEN")), "invalid_response: invalid_json",
         "check the reason: for portal_url_host add the host to stripe_portal_hosts, for any other find out what responds at \
          stripe_api_base"),
    ];
    for (reply, cause, fix) in rows {
        let fixture = Fixture::new().await.answered(&reply);
        let api_base = fixture.stripe.api_base();
        let detail = format!("{api_base} returned an unusable response ({cause})");
        fixture
            .assert_failure("stripe_reachable", &detail, fix, &CHECKS[6..11])
            .await;
    }
    // The port is free again, and nobody is there.
    let mut fixture = Fixture::new().await;
    let gone = fixture.stripe.api_base();
    fixture.stripe = SimulatedStripe::builder().start().await.expect("a port");
    let detail = format!("{gone} returned an unusable response (connect)");
    let fix = "check the network, and any firewall between this host and Stripe";
    fixture
        .assert_failure("stripe_reachable", &detail, fix, &CHECKS[6..11])
        .await;
}

#[tokio::test]
async fn unusable_portal_configuration_is_reported_with_a_fix() {
    let name = "portal_configuration";
    let plans = json!({"features": {"subscription_cancel": {"enabled": true}}, "login_page": {"enabled": true}});
    let fixture = Fixture::new().await;
    let named = fixture.stripe.add_configuration(&plans);
    let fixture = fixture.set("STRIPE_PORTAL_CONFIGURATION", &named);
    let detail =
        format!("{named}: subscription_cancel is on; login_page is on (configuration_violation)");
    let fix = "run billing-portal portal-config verify, and turn off at Stripe what it lists";
    fixture.assert_failure(name, &detail, fix, &[]).await;

    let fixture = fixture.set("STRIPE_PORTAL_CONFIGURATION", "bpc_unknown");
    let detail = "Stripe does not know bpc_unknown (configuration_missing)";
    let fix =
        "correct stripe_portal_configuration, or remove it so that the service creates its own";
    fixture.assert_failure(name, detail, fix, &[]).await;

    let fixture = Fixture::new().await;
    fixture.run_ensure().await;
    let id = fixture.stripe.configurations()[0]["id"].clone();
    let id = id.as_str().expect("an id");
    fixture.stripe.change_configuration(id, &plans);
    let detail =
        format!("{id}: subscription_cancel is on; login_page is on (configuration_violation)");
    let fix = "run billing-portal portal-config ensure, and find out who changed it";
    fixture.assert_failure(name, &detail, fix, &[]).await;
}

#[tokio::test]
async fn doctor_reports_clock_skew() {
    let fix = "synchronize this host's clock with NTP: otherwise webhooks are refused, and keys and portal URLs expire at the wrong time";
    let missing = refusal(400, "resource_missing", "customer", "No such customer");
    for (seconds, detail) in [
        (-90, Some("about 90 s ahead of Stripe's")),
        (90, Some("about 90 s behind Stripe's")),
        (7230, Some("about 7230 s behind Stripe's")),
        (30, None),
    ] {
        let fixture = Fixture::new().await;
        let date = Clock::system().now() + TimeDelta::seconds(seconds);
        let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let reply = missing.clone().header("Date", &date);
        fixture.stripe.answer_always(Endpoint::Sessions, reply);
        match detail {
            Some(detail) => fixture.assert_failure("clock", detail, fix, &[]).await,
            None => assert_eq!(fixture.checks().await["clock"]["ok"], true, "{date}"),
        }
    }
    let fixture = Fixture::new().await;
    let timeless = missing.header("Date", "never");
    fixture.stripe.answer_always(Endpoint::Sessions, timeless);
    assert_eq!(
        fixture.checks().await["clock"],
        json!({ "name": "clock", "ok": true, "detail": "not compared: Stripe's response has no date" })
    );
}
