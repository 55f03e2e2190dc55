//! S18: a customer's id is what Stripe can have, not only what it usually has.

use serde_json::json;

use crate::harness::deployment::Deployment;
use crate::harness::service::Service;

#[tokio::test]
async fn s18_any_id_that_stripe_can_have_is_linked_and_an_unusual_one_with_a_note() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let longest = "x".repeat(255);
    #[rustfmt::skip]
    let rows = [
        ("cus_1", false),
        ("acct_1Nv0FGQ9RKHgCVdK", false),
        ("legacy-17", true),
        ("a@b.example", true),
        ("17", true),
        ("Kunde:Müller+100%", true),
        ("network_live_1", true),
        (&longest, true),
    ];
    for (id, noted) in rows {
        let outcome = deployment
            .run(&format!("customer link --org acme {id}"))
            .await;
        assert_eq!(outcome.code, 0, "{id}: {}", outcome.stderr);
        assert_eq!(
            outcome.stderr.starts_with("note: "),
            noted,
            "{id}: {}",
            outcome.stderr
        );
        assert_eq!(deployment.json("customer list").await[0]["customer"], id);
    }
    let too_long = "x".repeat(256);
    for id in [
        "a/b",
        "a?b",
        "a#b",
        ".",
        "..",
        "",
        "a\tb",
        "a\u{7}b",
        "a\u{202e}b",
        "a\u{ad}b",
        "a\u{e0041}b",
        &too_long,
    ] {
        let outcome = deployment
            .run(&format!("customer link --org acme {id}"))
            .await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{id:?}");
    }
}

#[tokio::test]
async fn s18_an_account_is_sent_as_customer_account_and_every_other_id_as_customer() {
    for (id, field, other) in [
        ("acct_1Nv0FGQ9RKHgCVdK", "customer_account", "customer"),
        ("acct_2", "customer_account", "customer"),
        ("legacy-17", "customer", "customer_account"),
        ("a&b=c", "customer", "customer_account"),
    ] {
        let service = Service::start().await;
        let key = service.organization("fresh", None).await;
        service.stripe.add_customer(id);
        let link = service
            .command(&["customer", "link", "--org", "fresh", id])
            .await;
        assert_eq!(link.code, 0, "{}", link.stderr);
        let portal = billing_portal_tests::http_message::TestRequest::portal(
            &key,
            "https://app.example.com/settings/billing",
        );
        assert_eq!(service.send(&portal).await.status, 200, "{id}");
        let sent = service.sessions().pop().expect("Stripe was called");
        assert_eq!((sent.field(field), sent.field(other)), (Some(id), None));

        service.stripe.delete_customer(id);
        service
            .send(&portal)
            .await
            .assert_error("NO_STRIPE_CUSTOMER");
    }
}

#[tokio::test]
async fn s18_verify_asks_stripe_for_an_account_as_for_every_other_customer() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let with_org = |org: &str| json!({ "metadata": { "org_id": org } });
    let stripe = &deployment.stripe;
    stripe.add_customer_with("acct_ours", &with_org("acme"));
    stripe.add_customer("acct_none");
    stripe.add_customer_with("acct_other", &with_org("other"));
    stripe.add_customer("acct_gone");
    stripe.delete_customer("acct_gone");
    // Stripe answers another account than the one that was asked for.
    stripe.add_customer_with("acct_wrong", &json!({ "customer_account": "acct_ours" }));
    stripe.add_customer("legacy-17");
    #[rustfmt::skip]
    let rows = [
        ("acct_ours", None),
        ("acct_none", None),
        ("legacy-17", None),
        ("acct_other", Some("customer acct_other belongs to organization other")),
        ("acct_gone", Some("customer acct_gone was deleted at Stripe")),
        ("acct_unknown", Some("Stripe has no customer acct_unknown")),
        ("acct_wrong", Some("customer_mismatch")),
    ];
    for (id, problem) in rows {
        let line = format!("customer link --org acme {id} --verify");
        let outcome = deployment.run(&line).await;
        assert_eq!(
            outcome.code,
            u8::from(problem.is_some()),
            "{id}: {}",
            outcome.stderr
        );
        let problem = problem.unwrap_or_default();
        assert!(outcome.stderr.contains(problem), "{id}: {}", outcome.stderr);
    }
}
