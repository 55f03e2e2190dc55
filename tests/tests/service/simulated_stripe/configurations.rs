//! The simulated Stripe keeps portal configurations as Stripe does.

use super::{CONFIGURATIONS, Call, refusal, send, session, stripe};
use serde_json::json;

fn creation(form: &str) -> Call<'static> {
    Call {
        path: CONFIGURATIONS.to_owned(),
        idempotency_key: "once",
        form: form.to_owned(),
        ..session("")
    }
}

#[tokio::test]
async fn stripe_creates_a_configuration_once_for_a_key() {
    let (stripe, _) = stripe().await;
    let form = "metadata[managed_by]=us&features[invoice_history][enabled]=true\
                &features[customer_update][allowed_updates][]=name\
                &features[customer_update][allowed_updates][]=tax_id";
    let created = send(&stripe, &creation(form)).await;
    let again = send(&stripe, &creation(form)).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!((created.status, &created.body), (200, &again.body));
    assert_eq!(
        stripe.configurations().len(),
        2,
        "with the one of the beginning"
    );
    let other = creation("features[invoice_history][enabled]=true");
    assert_eq!(
        refusal(&send(&stripe, &other).await),
        "400 idempotency_error"
    );

    let created = created.json();
    let features = &created["features"];
    assert_eq!(
        features["customer_update"]["allowed_updates"],
        json!(["name", "tax_id"])
    );
    assert_eq!(features["invoice_history"]["enabled"], true);
    assert_eq!(features["subscription_cancel"]["enabled"], false);
    assert_eq!(created["metadata"], json!({"managed_by": "us"}));
}

#[tokio::test]
async fn stripe_changes_and_lists_configurations() {
    let (stripe, first) = stripe().await;
    let second = stripe.add_configuration(&json!({"name": "second"}));
    let change = Call {
        path: format!("{CONFIGURATIONS}/{first}"),
        form: "name=first&active=false".to_owned(),
        ..session("")
    };
    let changed = send(&stripe, &change).await.json();
    assert_eq!(
        (&changed["name"], &changed["active"]),
        (&json!("first"), &json!(false))
    );
    for (query, ids) in [
        ("", vec![&second, &first]),
        ("?active=true&limit=100", vec![&second]),
        ("?limit=1", vec![&second]),
        (&format!("?starting_after={second}"), vec![&first]),
    ] {
        let list = Call {
            method: "GET",
            path: format!("{CONFIGURATIONS}{query}"),
            ..session("")
        };
        let listed = send(&stripe, &list).await.json();
        let listed_ids: Vec<_> = listed["data"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| &one["id"])
            .collect();
        assert_eq!(listed_ids, ids, "{query}");
        assert_eq!(listed["has_more"], query == "?limit=1");
    }
}
