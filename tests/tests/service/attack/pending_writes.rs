//! M7: what can be written later never keeps a look-up waiting.

use std::time::Duration;

use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::harness::database::Database;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

/// Keys that are used for the first time, so that their use is to be written: more than there are connections.
const KEYS: usize = 40;
/// Customers that Stripe no longer has, so that their mappings are to be marked.
const MISSING: usize = 4;

#[tokio::test]
async fn m7_uses_and_stale_marks_that_wait_for_the_database_keep_no_look_up_waiting() {
    let service = Service::start().await;
    let mut keys = Vec::new();
    for _ in 0..KEYS {
        keys.push(service.new_key("acme", &["billing:write"]).await);
    }
    let mut gone = Vec::new();
    for number in 0..MISSING {
        let (organization, customer) = (format!("gone-{number}"), format!("cus_gone_{number}"));
        gone.push(service.organization(&organization, Some(&customer)).await);
        service.stripe.delete_customer(&customer);
    }
    let mut database = Database::open(&service).await;
    database.lock_writers().await;
    let mut marking = JoinSet::new();
    for key in &gone {
        let (api, request) = (service.api(), TestRequest::portal(key, RETURN_URL));
        marking.spawn(async move { send(api, &request).await });
    }
    while service.sessions().len() < MISSING {
        sleep(Duration::from_millis(5)).await;
    }
    // Each of these is looked up, its use waits to be written, and nobody can write.
    for key in &keys {
        let answer = service.send(&TestRequest::portal(key, RETURN_URL)).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(service.readiness().await.status, 200);
    let answers = marking.join_all().await;
    for answer in answers {
        answer.assert_error("NO_STRIPE_CUSTOMER");
    }
    database.execute("ROLLBACK").await;
    // What waited is written, or written at the next use.
    loop {
        for key in &keys {
            service.send(&TestRequest::portal(key, RETURN_URL)).await;
        }
        let listed = service.run(&["key", "list", "--org", "acme"]).await;
        let listed = listed.as_array().expect("a list");
        if listed
            .iter()
            .filter(|key| key["last_used_on"].is_string())
            .count()
            >= KEYS
        {
            break;
        }
    }
    let fails = Reply::json(
        400,
        &json!({"error": {"code": "resource_missing", "param": "customer"}}),
    );
    service.stripe.answer_next(Endpoint::Sessions, [fails]);
    let answer = service
        .send(&TestRequest::portal(&gone[0], RETURN_URL))
        .await;
    answer.assert_error("NO_STRIPE_CUSTOMER");
    let links = service.run(&["customer", "list"]).await;
    let links = links.as_array().expect("a list").iter();
    let stale = links.filter(|link| link["state"] == "stale");
    assert!(
        stale.count() >= 1,
        "a mark that was lost is made the next time"
    );
}
