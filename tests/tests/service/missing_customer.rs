//! What becomes of a mapping to a customer that Stripe does not have.

use std::time::Duration;

use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::harness::service::Service;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

#[tokio::test]
async fn a_customer_that_stripe_deleted_is_409_without_further_calls_until_it_is_linked_again() {
    let service = Service::start().await;
    service.stripe.delete_customer("cus_acme");
    for _ in 0..2 {
        service
            .create_portal_session(RETURN_URL)
            .await
            .assert_error("NO_STRIPE_CUSTOMER");
        assert_eq!(service.sessions().len(), 1, "the mapping is stale now");
    }
    assert_eq!(
        service.run(&["customer", "list"]).await[0]["state"],
        "stale"
    );
    service.stripe.add_customer("cus_new");
    service
        .run(&["customer", "link", "--org", "acme", "cus_new"])
        .await;
    // A key is cached for less than a second, with its customer.
    let opened = async {
        while service.create_portal_session(RETURN_URL).await.status != 200 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), opened)
        .await
        .expect("the new customer is used");
}

#[tokio::test]
async fn resource_missing_is_409_only_for_the_customer() {
    let service = Service::start().await;
    let error =
        json!({"type": "invalid_request_error", "code": "resource_missing", "param": "price"});
    let missing = Reply::json(400, &json!({ "error": error }));
    service.stripe.answer_next(Endpoint::Sessions, [missing]);
    service
        .create_portal_session(RETURN_URL)
        .await
        .assert_error("BILLING_PORTAL_UNAVAILABLE");
}

#[tokio::test]
async fn many_missing_customers_are_treated_as_the_wrong_stripe_account() {
    let service = Service::start().await;
    let mut codes = Vec::new();
    for number in 0..7 {
        let (organization, customer) = (format!("org-{number}"), format!("cus_{number}"));
        let key = service.organization(&organization, Some(&customer)).await;
        service.stripe.delete_customer(&customer);
        let answer = service.send(&TestRequest::portal(&key, RETURN_URL)).await;
        codes.extend(answer.code());
    }
    let expected = [
        vec!["NO_STRIPE_CUSTOMER"; 5],
        vec!["BILLING_PORTAL_UNAVAILABLE"; 2],
    ]
    .concat();
    assert_eq!(codes, expected);
    let links = service.run(&["customer", "list"]).await;
    let stale = links
        .as_array()
        .into_iter()
        .flatten()
        .filter(|link| link["state"] == "stale");
    assert_eq!(stale.count(), 5, "no further mapping is marked");
}
