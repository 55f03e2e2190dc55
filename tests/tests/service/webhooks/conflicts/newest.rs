//! S3 and M12: the customer that was created last wins, in whatever order events arrive.

use super::super::{count, deliver, service};
use super::{YEAR_2020, YEAR_2023, conflict, conflicts, customer, mapping, owned};
use crate::harness::service::send;
use crate::harness::webhook::{event, signed, unix_time};
use serde_json::Value;

#[tokio::test]
async fn s3_the_customer_that_was_created_last_wins_in_whatever_order_events_arrive() {
    let now = unix_time();
    let old = |id: &str, created| {
        event(
            id,
            "customer.updated",
            created,
            &customer("cus_OLD", "fresh", YEAR_2020),
        )
    };
    let new = |id: &str, created| {
        event(
            id,
            "customer.updated",
            created,
            &customer("cus_NEW", "fresh", YEAR_2023),
        )
    };
    let orders = [
        vec![
            old("evt_1", now - 9),
            new("evt_2", now - 8),
            old("evt_3", now),
        ],
        vec![new("evt_2", now - 8), old("evt_3", now)],
        vec![old("evt_3", now), new("evt_2", now - 8)],
    ];
    for events in orders {
        let service = service().await;
        service.organization("fresh", None).await;
        for event in &events {
            deliver(&service, event).await;
        }
        assert_eq!(
            mapping(&service, "fresh").await,
            owned("cus_NEW", "active", "stripe")
        );
        let expected = vec![conflict("fresh", "cus_OLD", "cus_NEW", "another_customer")];
        assert_eq!(conflicts(&service).await, expected, "reported once");
    }
}

#[tokio::test]
async fn s3_when_the_newest_customer_is_deleted_the_next_living_one_follows() {
    let service = service().await;
    service.organization("fresh", None).await;
    let now = unix_time();
    for (id, customer_id, created) in [
        ("evt_1", "cus_OLD", YEAR_2020),
        ("evt_2", "cus_NEW", YEAR_2023),
    ] {
        let created = customer(customer_id, "fresh", created);
        deliver(&service, &event(id, "customer.created", now, &created)).await;
    }
    let deleted = customer("cus_NEW", "fresh", YEAR_2023);
    deliver(&service, &event("evt_3", "customer.deleted", now, &deleted)).await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_OLD", "active", "stripe")
    );
    assert_eq!(
        conflicts(&service).await,
        Vec::<Value>::new(),
        "nothing is left to decide"
    );
}

#[tokio::test]
async fn m12_an_event_from_the_future_changes_nothing() {
    let service = service().await;
    service.organization("fresh", None).await;
    let now = unix_time();
    let ahead = now + 301;
    let rows = [
        (
            event(
                "evt_1",
                "customer.created",
                ahead + 5,
                &customer("cus_1", "fresh", now),
            ),
            false,
        ),
        (
            event(
                "evt_2",
                "customer.created",
                now,
                &customer("cus_1", "fresh", ahead + 5),
            ),
            false,
        ),
        (
            event(
                "evt_3",
                "customer.created",
                i64::MAX,
                &customer("cus_1", "fresh", now),
            ),
            false,
        ),
        (
            event(
                "evt_4",
                "customer.created",
                now + 200,
                &customer("cus_1", "fresh", now),
            ),
            true,
        ),
    ];
    for (event, is_followed) in rows {
        let delivery = signed(&event);
        assert_eq!(send(service.api(), &delivery).await.status, 200);
        assert_eq!(
            mapping(&service, "fresh").await.is_some(),
            is_followed,
            "{event}"
        );
    }
    assert_eq!(count(service.operations(), "future_event").await, 3);
}
