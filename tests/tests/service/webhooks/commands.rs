//! What events change of a mapping that a command has set.

use super::{active, deliver, mapping, service};
use crate::harness::webhook::{customer, event, unix_time};
use billing_portal_tests::http_message::RETURN_URL;
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test]
async fn link_wins_over_earlier_events() {
    let service = service().await;
    let old = event(
        "evt_1",
        "customer.updated",
        unix_time() - 60,
        &customer("cus_old", "acme"),
    );
    deliver(&service, &old).await;
    assert_eq!(
        mapping(&service, "acme").await,
        active("cus_acme"),
        "linked since"
    );
    service.run(&["customer", "unlink", "--org", "acme"]).await;
    deliver(&service, &old).await;
    assert_eq!(mapping(&service, "acme").await, None, "unlinked since");
    let new = event(
        "evt_2",
        "customer.updated",
        unix_time() + 1,
        &customer("cus_new", "acme"),
    );
    deliver(&service, &new).await;
    assert_eq!(mapping(&service, "acme").await, active("cus_new"));
    service.run(&["customer", "unlink", "--org", "acme"]).await;
    deliver(&service, &new).await;
    assert_eq!(
        mapping(&service, "acme").await,
        None,
        "an event counts once"
    );
}

#[tokio::test]
async fn a_failed_command_leaves_the_mapping_open_to_events() {
    let service = service().await;
    service.organization("fresh", None).await;
    let update = event(
        "evt_1",
        "customer.created",
        unix_time() - 60,
        &customer("cus_1", "fresh"),
    );
    let unlinked = service
        .command(&["customer", "unlink", "--org", "fresh"])
        .await;
    assert_eq!(unlinked.code, 1, "there was none");
    deliver(&service, &update).await;
    assert_eq!(mapping(&service, "fresh").await, active("cus_1"));
}

#[tokio::test]
async fn a_deleted_customer_is_linked_again_only_by_a_command() {
    let service = service().await;
    let deleted = event(
        "evt_1",
        "customer.deleted",
        unix_time(),
        &customer("cus_gone", "fresh"),
    );
    deliver(&service, &deleted).await;
    let file = service.file("customers.csv");
    std::fs::write(&file, "fresh,cus_gone\n").expect("the file is written");
    let import = ["customer", "import", file.to_str().expect("it is text")];
    let imported = service.command(&import).await;
    let expected = "line 1: customer cus_gone was deleted at Stripe\n";
    assert_eq!((imported.code, imported.stderr.as_str()), (1, expected));
    service
        .run(&["org", "create", "--id", "fresh", "--name", "fresh"])
        .await;
    service
        .run(&["customer", "link", "--org", "fresh", "cus_gone"])
        .await;
    assert_eq!(mapping(&service, "fresh").await, active("cus_gone"));
}

#[tokio::test]
async fn a_customer_missing_at_stripe_stays_deleted() {
    let service = service().await;
    let deleted = event(
        "evt_1",
        "customer.deleted",
        unix_time(),
        &customer("cus_acme", "acme"),
    );
    service.create_portal_session(RETURN_URL).await;
    // The request that is under way knows of the customer, and Stripe does not.
    let gone = json!({"error": {"code": "resource_missing", "param": "customer"}});
    let gone = Reply::json(400, &gone).after(Duration::from_secs(2));
    let before = service.sessions().len();
    service.stripe.answer_next(Endpoint::Sessions, [gone]);
    let (answer, ()) = tokio::join!(service.create_portal_session(RETURN_URL), async {
        while service.sessions().len() == before {
            sleep(Duration::from_millis(5)).await;
        }
        deliver(&service, &deleted).await;
    });
    answer.assert_error("NO_STRIPE_CUSTOMER");
    assert_eq!(
        service.run(&["customer", "list"]).await[0]["reason"],
        "deleted"
    );
}

#[tokio::test]
async fn an_event_for_an_organization_that_is_created_later_applies_when_it_is_resent() {
    let service = service().await;
    let early = event(
        "evt_1",
        "customer.created",
        unix_time(),
        &customer("cus_1", "later"),
    );
    deliver(&service, &early).await;
    service.organization("later", None).await;
    deliver(&service, &early).await;
    assert_eq!(mapping(&service, "later").await, active("cus_1"));
}
