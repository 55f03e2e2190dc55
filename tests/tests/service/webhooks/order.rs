//! Events in a random order, a third of them twice, eight at a time: the end is that of the order in which they
//! happened.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
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

/// What the mappings must be: of the living customers that named the organization, the one that was created last.
#[derive(Default)]
struct Model {
    named: BTreeMap<String, BTreeSet<(i64, String)>>,
    deleted: BTreeSet<String>,
}

impl Model {
    fn expected(&self, org: &str) -> Option<(String, String)> {
        let named = self.named.get(org)?.iter().rev();
        let mut living = named.filter(|(_, customer)| !self.deleted.contains(customer));
        let (_, customer) = living.next()?;
        Some((customer.clone(), "active".to_owned()))
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
        assert_eq!(active, model.expected(&org), "{org}");
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
        let kind = if random.below(60) == 0 {
            model.deleted.insert(customer_id.clone());
            "customer.deleted"
        } else {
            let named = model.named.entry(org.clone()).or_default();
            named.insert((customer_created, customer_id.clone()));
            "customer.updated"
        };
        let mut object = customer(&customer_id, &org);
        object["created"] = customer_created.into();
        let happened = event(&id, kind, created, &object);
        if random.below(3) == 0 {
            deliveries.push(happened.clone());
        }
        deliveries.push(happened);
    }
    deliveries
}
