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

#[tokio::test]
async fn stripe_neither_shows_nor_accepts_pausing_in_a_version_that_does_not_have_it() {
    let (stripe, id) = stripe().await;
    stripe.change_configuration(
        &id,
        &json!({"features": {"subscription_pause": {"enabled": true}}}),
    );
    let form = "features[subscription_pause][enabled]=false";
    for (version, knows) in [
        ("2025-12-15.clover", false),
        ("2026-07-29.dahlia", false),
        ("2026-09-30.endive", false),
        ("2026-10-28.endive", true),
        ("2027-03-31.fennel", true),
    ] {
        let get = |path: String| Call {
            method: "GET",
            path,
            version,
            ..session("")
        };
        let retrieved = send(&stripe, &get(format!("{CONFIGURATIONS}/{id}"))).await;
        let retrieved = retrieved.json();
        let list = get(format!("{CONFIGURATIONS}?limit=100"));
        let listed = send(&stripe, &list).await.json();
        let listed = listed["data"].as_array().and_then(|all| all.last());
        for shown in [&retrieved, listed.expect("the first one")] {
            let pausing = shown["features"].get("subscription_pause");
            let expected = json!({"enabled": true});
            assert_eq!(pausing, knows.then_some(&expected), "{version}");
            assert_eq!(
                shown["features"]["subscription_cancel"]["enabled"], false,
                "{version}"
            );
        }
        let create = Call {
            version,
            idempotency_key: version,
            ..creation(form)
        };
        let created = send(&stripe, &create).await;
        if knows {
            assert_eq!(created.status, 200, "{version}");
        } else {
            let refused =
                "400 invalid_request_error parameter_unknown features[subscription_pause][enabled]";
            assert_eq!(refusal(&created), refused, "{version}");
        }
    }
}
