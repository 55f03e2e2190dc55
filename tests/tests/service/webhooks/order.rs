//! Events in a random order, a third of them twice, eight at a time: the end is that of the order in which they
//! happened.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{mapping, service};
use crate::harness::service::send;
use crate::harness::webhook::{customer, event, signed, unix_time};

const ORGANIZATIONS: u64 = 12;
const CUSTOMERS_EACH: u64 = 8;
const EVENTS: u64 = 2_500;
const AT_ONCE: usize = 8;

/// A small generator: the same events each time, so that a failure can be looked into.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What the mappings must be: of the living customers that name the organization, the one that was created last.
#[derive(Default)]
struct Model {
    /// For each organization and customer.
    known: BTreeMap<(String, String), Known>,
    deleted: BTreeSet<String>,
}

/// What the newest event says of a customer.
#[derive(Default)]
struct Known {
    /// Its time and its id.
    event: (i64, String),
    /// When the customer was created, if it names the organization.
    created: Option<i64>,
}

impl Model {
    fn update(&mut self, org: &str, customer: &str, event: (i64, String), created: Option<i64>) {
        let customer = (org.to_owned(), customer.to_owned());
        let known = self.known.entry(customer).or_default();
        if known.event < event {
            *known = Known { event, created };
        }
    }

    /// The organization's customer, if a customer names the organization.
    fn expected(&self, org: &str) -> Option<String> {
        let own = self.known.iter().filter(|((named, _), _)| named == org);
        let living = own.filter(|((_, customer), _)| !self.deleted.contains(customer));
        let named = living.filter_map(|((_, customer), known)| Some((known.created?, customer)));
        Some(named.max()?.1.clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_lead_to_the_same_state_in_any_order() {
    let service = service().await;
    for org in 0..ORGANIZATIONS {
        let org = format!("org-{org}");
        service
            .run(&["org", "create", "--id", &org, "--name", &org])
            .await;
    }
    let (mut random, mut model) = (Random(20_261_126), Model::default());
    let mut deliveries = happenings(&mut random, &mut model);
    for place in (1..deliveries.len()).rev() {
        let other = random.below(place as u64 + 1);
        deliveries.swap(place, usize::try_from(other).expect("it is small"));
    }
    let mut sending = JoinSet::new();
    for delivery in deliveries {
        if sending.len() == AT_ONCE {
            assert_eq!(
                sending.join_next().await.expect("some").expect("no panic"),
                200
            );
        }
        let (api, delivery) = (service.api(), signed(&delivery));
        sending.spawn(async move { send(api, &delivery).await.status });
    }
    assert!(sending.join_all().await.iter().all(|status| *status == 200));
    for org in 0..ORGANIZATIONS {
        let org = format!("org-{org}");
        let active = mapping(&service, &org)
            .await
            .filter(|(_, state)| state == "active");
        let expected = model.expected(&org);
        let expected = expected.expect("some customer names each organization");
        assert_eq!(active, Some((expected, "active".to_owned())), "{org}");
    }
}

/// What happens, in no order, some of it delivered twice.
fn happenings(random: &mut Random, model: &mut Model) -> Vec<Value> {
    let now = unix_time();
    let mut deliveries = Vec::new();
    for number in 0..EVENTS {
        let org = format!("org-{}", random.below(ORGANIZATIONS));
        let number_of_customer = random.below(CUSTOMERS_EACH);
        let customer_id = format!("cus_{}_{number_of_customer}", &org[4..]);
        // Not in the order of the ids, and two in the same second.
        let customer_created = 1_600_000_000 + (number_of_customer * 5 % 7).cast_signed();
        // Few seconds, so that many happen in the same one.
        let (id, created) = (
            format!("evt_{number}"),
            now - random.below(40).cast_signed(),
        );
        let mut object = customer(&customer_id, &org);
        object["created"] = customer_created.into();
        let kind = if random.below(60) == 0 {
            model.deleted.insert(customer_id.clone());
            "customer.deleted"
        } else {
            "customer.updated"
        };
        let is_withdrawn = random.below(4) == 0;
        if is_withdrawn {
            object["metadata"] = json!({});
        }
        let mut happened = event(&id, kind, created, &object);
        if is_withdrawn {
            happened["data"]["previous_attributes"] = json!({"metadata": {"org_id": org}});
        }
        if kind == "customer.updated" {
            let named = (!is_withdrawn).then_some(customer_created);
            model.update(&org, &customer_id, (created, id), named);
        }
        if random.below(3) == 0 {
            deliveries.push(happened.clone());
        }
        deliveries.push(happened);
    }
    deliveries
}
