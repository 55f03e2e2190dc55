//! S2: settings decide whose events count, and which metadata names the organization.

use super::super::{count, deliver};
use super::{YEAR_2020, customer, mapping, owned};
use crate::harness::service::Service;
use crate::harness::webhook::{SECRET, event, unix_time};
use serde_json::json;

#[tokio::test]
async fn s2_an_event_of_another_account_is_ignored_unless_the_setting_names_it() {
    #[rustfmt::skip]
    let rows = [
        (json!({}), None, true, "an event of our own account names none"),
        (json!({"account": null, "context": null}), None, true, "null is none"),
        (json!({"account": "acct_ours"}), None, false, "an account without the setting"),
        (json!({"context": "acct_other"}), None, false, "a context without the setting"),
        (json!({"account": "acct_ours"}), Some("acct_ours"), true, "ours"),
        (json!({"context": "acct_ours"}), Some("acct_ours"), true, "ours as context"),
        (json!({"context": "org_1/acct_ours"}), Some("acct_ours"), true, "ours in an organization"),
        (json!({"account": "acct_ours", "context": "acct_other"}), Some("acct_ours"), false, "one of the two is another"),
        (json!({"account": "acct_other", "context": "acct_ours"}), Some("acct_ours"), false, "one of the two is another"),
        (json!({"context": "acct_ours/acct_other"}), Some("acct_ours"), false, "the last part counts"),
        (json!({"account": ""}), Some("acct_ours"), false, "empty is not ours"),
        (json!({"context": 7}), Some("acct_ours"), false, "no text is not ours"),
        (json!({}), Some("acct_ours"), true, "none with the setting"),
    ];
    for (scope, setting, is_ours, why) in rows {
        let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
        let builder = match setting {
            Some(account) => builder.set("STRIPE_ACCOUNT", account),
            None => builder,
        };
        let service = builder.start().await;
        service.organization("fresh", None).await;
        let mut event = event(
            "evt_1",
            "customer.created",
            unix_time(),
            &customer("cus_1", "fresh", YEAR_2020),
        );
        for (name, value) in scope.as_object().expect("fields") {
            event[name] = value.clone();
        }
        deliver(&service, &event).await;
        let expected = if is_ours {
            owned("cus_1", "active", "stripe")
        } else {
            None
        };
        assert_eq!(mapping(&service, "fresh").await, expected, "{why}");
        let ignored = count(service.operations(), "other_account").await;
        assert_eq!(ignored, usize::from(!is_ours), "{why}");
    }
}

#[tokio::test]
async fn the_metadata_key_of_the_organization_is_a_setting() {
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .set("STRIPE_ORGANIZATION_METADATA_KEY", "tenant")
        .start()
        .await;
    service.organization("fresh", None).await;
    let named =
        |key: &str| json!({"id": "cus_1", "created": YEAR_2020, "metadata": {key: "fresh"}});
    deliver(
        &service,
        &event("evt_1", "customer.created", unix_time(), &named("org_id")),
    )
    .await;
    assert_eq!(mapping(&service, "fresh").await, None);
    deliver(
        &service,
        &event("evt_2", "customer.created", unix_time(), &named("tenant")),
    )
    .await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_1", "active", "stripe")
    );
}
