//! S1: after `customer link`, nothing that Stripe can send changes which customer the portal opens. Random events and
//! commands, against a model of what the operator decided.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{deliver, service};
use crate::harness::service::Service;
use crate::harness::webhook::{event, unix_time};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

const STEPS: usize = 400;
const CUSTOMERS: u8 = 40;
const ORGANIZATIONS: [&str; 2] = ["acme", "fresh"];
/// After so many steps the portal is opened.
const OPENED_EVERY: usize = 20;
/// A command takes effect within a second; a busy machine takes longer.
const EFFECTIVE_WITHIN: Duration = Duration::from_secs(10);

/// What happens in one step.
#[derive(Debug, Clone)]
enum Step {
    /// An operator links a customer.
    Link { org: usize, customer: u8 },
    /// An operator imports a file with one line.
    Import { org: usize, customer: u8 },
    /// An operator reads every customer from Stripe.
    Sync,
    /// An operator removes the customer.
    Unlink { org: usize },
    /// Stripe sends an event about a customer that names an organization.
    Event {
        kind: u8,
        org: usize,
        customer: u8,
        created: i64,
        age: i64,
    },
    /// Stripe deletes a customer, for good.
    Delete { customer: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let org = 0..ORGANIZATIONS.len();
    prop_oneof![
        2 => (org.clone(), 0..CUSTOMERS).prop_map(|(org, customer)| Step::Link { org, customer }),
        1 => (org.clone(), 0..CUSTOMERS).prop_map(|(org, customer)| Step::Import { org, customer }),
        1 => Just(Step::Sync),
        1 => org.clone().prop_map(|org| Step::Unlink { org }),
        16 => (0..5u8, org, 0..CUSTOMERS, 1_600_000_000..1_700_000_000i64, 0..100_000i64).prop_map(
            |(kind, org, customer, created, age)| Step::Event { kind, org, customer, created, age }
        ),
        1 => (0..CUSTOMERS).prop_map(|customer| Step::Delete { customer }),
    ]
}

fn name(customer: u8) -> String {
    format!("cus_{customer}")
}

/// The event of a step: about a customer, or a checkout that the operator or a payer made.
fn sent(number: usize, kind: u8, org: usize, customer: u8, created: i64, age: i64) -> Value {
    let (org, customer) = (ORGANIZATIONS[org], name(customer));
    let about = json!({"id": customer, "created": created, "metadata": {"org_id": org}});
    let checkout = |payment_link: Value, metadata: Value| {
        json!({
            "customer": customer, "client_reference_id": org, "payment_link": payment_link, "metadata": metadata,
            "mode": "subscription", "payment_status": "paid",
        })
    };
    let (kind, object) = match kind {
        0 => ("customer.created", about),
        1 => ("customer.updated", about),
        2 => (
            "checkout.session.completed",
            checkout(json!("plink_1"), json!({})),
        ),
        3 => (
            "checkout.session.completed",
            checkout(json!(null), json!({})),
        ),
        _ => (
            "checkout.session.completed",
            checkout(json!("plink_1"), json!({"org_id": org})),
        ),
    };
    event(&format!("evt_{number}"), kind, unix_time() - age, &object)
}

/// The active mappings that `customer list` shows.
async fn active(service: &Service) -> BTreeMap<String, String> {
    let links = service.run(&["customer", "list"]).await;
    let links = links.as_array().expect("a list").iter();
    let active = links.filter(|link| link["state"] == "active");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    active
        .map(|link| (text(&link["org"]), text(&link["customer"])))
        .collect()
}

/// Runs a command that may be refused, as a customer of another organization is. Returns whether it succeeded.
async fn succeeds(service: &Service, arguments: &[&str]) -> bool {
    service.command(arguments).await.code == 0
}

/// Stripe has the customer. Each names an organization, so that a sync finds several for each.
fn add_at_stripe(service: &Service, customer: u8) {
    let org = ORGANIZATIONS[usize::from(customer) % ORGANIZATIONS.len()];
    let about =
        json!({ "metadata": { "org_id": org }, "created": 1_600_000_000 + i64::from(customer) });
    service.stripe.add_customer_with(&name(customer), &about);
}

/// Imports a file that gives the organization this customer.
async fn imports(service: &Service, org: &str, customer: &str) -> bool {
    let file = service.file("import.csv");
    std::fs::write(&file, format!("org,customer\n{org},{customer}\n")).expect("our folder");
    let file = file.display().to_string();
    succeeds(service, &["customer", "import", &file, "--replace"]).await
}

/// Opens the portal of each organization that has an operator's customer.
async fn open_portals(
    service: &Service,
    keys: &BTreeMap<&str, String>,
    linked: &BTreeMap<String, String>,
) {
    for (org, customer) in linked {
        let portal = TestRequest::portal(&keys[org.as_str()], RETURN_URL);
        let deadline = Instant::now() + EFFECTIVE_WITHIN;
        loop {
            let status = service.send(&portal).await.status;
            let opened = service.stripe.last_session().unwrap_or_default();
            if status == 200 && opened["customer"] == *customer {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "{org} {customer}: {status} {opened}"
            );
            sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn s1_after_a_link_no_event_changes_which_customer_the_portal_opens() {
    let service = service().await;
    let fresh = service.organization("fresh", None).await;
    let keys = BTreeMap::from([("acme", service.key().to_owned()), ("fresh", fresh)]);
    (0..CUSTOMERS).for_each(|customer| add_at_stripe(&service, customer));
    let mut linked = BTreeMap::from([("acme".to_owned(), "cus_acme".to_owned())]);
    let mut runner = TestRunner::deterministic();
    let (mut events, mut imported) = (0, 0);
    for number in 0..STEPS {
        let step = step().new_tree(&mut runner).expect("a step").current();
        match step.clone() {
            Step::Import { org, customer } => {
                add_at_stripe(&service, customer);
                let (org, customer) = (ORGANIZATIONS[org], name(customer));
                if imports(&service, org, &customer).await {
                    imported += 1;
                    linked.insert(org.to_owned(), customer);
                }
            }
            Step::Sync => _ = succeeds(&service, &["customer", "sync", "--from-start"]).await,
            Step::Link { org, customer } => {
                add_at_stripe(&service, customer);
                let (org, customer) = (ORGANIZATIONS[org], name(customer));
                if succeeds(&service, &["customer", "link", "--org", org, &customer]).await {
                    linked.insert(org.to_owned(), customer);
                }
            }
            Step::Unlink { org } => {
                let org = ORGANIZATIONS[org];
                if succeeds(&service, &["customer", "unlink", "--org", org]).await {
                    linked.remove(org);
                }
            }
            Step::Event {
                kind,
                org,
                customer,
                created,
                age,
            } => {
                deliver(&service, &sent(number, kind, org, customer, created, age)).await;
                events += 1;
            }
            Step::Delete { customer } => {
                service.stripe.delete_customer(&name(customer));
                let object = json!({"id": name(customer)});
                let deleted = event(
                    &format!("evt_{number}"),
                    "customer.deleted",
                    unix_time(),
                    &object,
                );
                deliver(&service, &deleted).await;
                // No portal opens for a deleted customer, and Stripe decides again.
                linked.retain(|_, linked| *linked != name(customer));
            }
        }
        let active = active(&service).await;
        for (org, customer) in &linked {
            assert_eq!(
                active.get(org),
                Some(customer),
                "{org} after step {number}: {step:?}"
            );
        }
        if number % OPENED_EVERY == 0 {
            open_portals(&service, &keys, &linked).await;
        }
    }
    assert!(
        events > STEPS / 2 && imported > 0,
        "{events} events, {imported} imports"
    );
}
