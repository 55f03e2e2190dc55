//! S3: a customer whose metadata name another organization than before.

use serde_json::{Value, json};

use super::super::deliver;
use super::withdrawn::{BEFORE, changed, fresh, named};
use super::{YEAR_2020, YEAR_2023, conflict, conflicts, mapping, owned};
use crate::harness::service::Service;
use crate::harness::webhook::unix_time;

/// Two organizations without a customer.
async fn fresh_and_other() -> Service {
    let service = fresh().await;
    service.organization("other", None).await;
    service
}

async fn owners(service: &Service) -> [Option<[String; 3]>; 2] {
    [
        mapping(service, "fresh").await,
        mapping(service, "other").await,
    ]
}

#[tokio::test]
async fn s3_a_customer_that_names_another_organization_moves_if_the_first_one_has_another_customer()
{
    let (old, new) = (
        || named("evt_1", "cus_OLD", YEAR_2020),
        || named("evt_2", "cus_NEW", YEAR_2023),
    );
    let moved = || changed("evt_3", "cus_NEW", &json!({"org_id": "other"}));
    let expected = [
        owned("cus_OLD", "active", "stripe"),
        owned("cus_NEW", "active", "stripe"),
    ];
    for events in [
        [old(), new(), moved()],
        [new(), moved(), old()],
        [moved(), new(), old()],
        [old(), moved(), new()],
    ] {
        let service = fresh_and_other().await;
        for event in &events {
            deliver(&service, event).await;
        }
        assert_eq!(owners(&service).await, expected, "{events:?}");
        assert_eq!(conflicts(&service).await, Vec::<Value>::new(), "{events:?}");
    }
}

#[tokio::test]
async fn s3_the_only_customer_of_an_organization_moves_when_an_operator_lets_it_go() {
    let commands: [&[&str]; 2] = [
        &["customer", "unlink", "--org", "fresh"],
        &["customer", "link", "--org", "fresh", "cus_X"],
    ];
    for command in commands {
        let service = fresh_and_other().await;
        deliver(&service, &named("evt_2", "cus_NEW", YEAR_2023)).await;
        let moved = changed("evt_3", "cus_NEW", &json!({"org_id": "other"}));
        deliver(&service, &moved).await;
        let unchanged = [owned("cus_NEW", "active", "stripe"), None];
        assert_eq!(owners(&service).await, unchanged);
        let expected = vec![conflict(
            "other",
            "cus_NEW",
            "fresh",
            "another_organization",
        )];
        assert_eq!(conflicts(&service).await, expected, "an operator decides");
        service.run(command).await;
        let other = mapping(&service, "other").await;
        assert_eq!(other, owned("cus_NEW", "active", "stripe"), "{command:?}");
        assert_eq!(
            conflicts(&service).await,
            Vec::<Value>::new(),
            "{command:?}"
        );
    }
}

/// The other organization keeps to the operator's command; the first one has to follow all the same.
#[tokio::test]
async fn s3_a_customer_leaves_for_an_organization_that_was_unlinked_since() {
    let service = fresh().await;
    service.run(&["customer", "unlink", "--org", "acme"]).await;
    deliver(&service, &named("evt_1", "cus_OLD", YEAR_2020)).await;
    deliver(&service, &named("evt_2", "cus_NEW", YEAR_2023)).await;
    let mut moved = changed("evt_3", "cus_NEW", &json!({"org_id": "acme"}));
    moved["created"] = json!(unix_time() - BEFORE + 1);
    deliver(&service, &moved).await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_OLD", "active", "stripe")
    );
    assert_eq!(mapping(&service, "acme").await, None);
}
