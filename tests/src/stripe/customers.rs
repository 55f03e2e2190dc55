//! The account's customers: who is there, who was deleted, and lists of them.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::form::{self, CUSTOMER_LIST_FIELDS};
use super::object::{merge, unix_time};
use super::refusal::Refusal;

pub(super) const CUSTOMERS: &str = "/v1/customers";

/// Stripe's bound, and its default.
pub(super) const MAX_PAGE: usize = 100;
const DEFAULT_PAGE: usize = 10;

/// The customers in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Customers {
    made: Vec<Customer>,
    places: HashMap<String, usize>,
}

#[derive(Debug)]
struct Customer {
    id: String,
    /// What differs from a customer with nothing set.
    differing: Value,
    created: u64,
    /// A deleted one is known, but gone.
    deleted: bool,
}

impl Customers {
    /// Creates a customer, or restores a deleted one.
    pub(super) fn add(&mut self, id: &str, differing: &Value) {
        let customer = Customer {
            id: id.to_owned(),
            differing: differing.clone(),
            created: unix_time(),
            deleted: false,
        };
        if let Some(&place) = self.places.get(id) {
            self.made[place] = customer;
        } else {
            self.places.insert(id.to_owned(), self.made.len());
            self.made.push(customer);
        }
    }

    pub(super) fn delete(&mut self, id: &str) {
        if let Some(&place) = self.places.get(id) {
            self.made[place].deleted = true;
        }
    }

    pub(super) fn is_there(&self, id: &str) -> bool {
        self.find(id).is_some_and(|customer| !customer.deleted)
    }

    fn find(&self, id: &str) -> Option<&Customer> {
        self.places.get(id).map(|&place| &self.made[place])
    }

    /// `GET /v1/customers/{id}`: a deleted one is answered, too.
    pub(super) fn retrieve(&self, id: &str, livemode: bool) -> Result<Value, Refusal> {
        match self.find(id) {
            None => Err(Refusal::missing(404, "customer", "id", id)),
            Some(customer) if customer.deleted => {
                Ok(json!({"id": id, "object": "customer", "deleted": true}))
            }
            Some(customer) => Ok(customer.object(livemode)),
        }
    }

    /// `GET /v1/customers`, the newest first.
    pub(super) fn list(
        &self,
        query: &[(String, String)],
        livemode: bool,
    ) -> Result<Value, Refusal> {
        form::require_documented(query, CUSTOMER_LIST_FIELDS)?;
        let field = |name: &str| {
            let mut values = query.iter().filter(|(field, _)| field == name);
            values.next().map(|(_, value)| value.as_str())
        };
        let place = |name: &str| match field(name) {
            None => Ok(None),
            Some(id) => match self.places.get(id) {
                Some(&place) if !self.made[place].deleted => Ok(Some(place)),
                _ => Err(Refusal::missing(400, "customer", name, id)),
            },
        };
        let limit = field("limit").and_then(|text| text.parse().ok());
        let limit = limit.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE);
        let (after, before) = (place("starting_after")?, place("ending_before")?);
        let there = |customer: &&Customer| !customer.deleted;
        let mut page: Vec<&Customer> = match (after, before) {
            // The nearest after it in time, so the oldest of them, which stand last on the page.
            (_, Some(before)) => self.made[before + 1..]
                .iter()
                .filter(there)
                .take(limit + 1)
                .collect(),
            (after, None) => self.made[..after.unwrap_or(self.made.len())]
                .iter()
                .rev()
                .filter(there)
                .take(limit + 1)
                .collect(),
        };
        let has_more = page.len() > limit;
        page.truncate(limit);
        if before.is_some() {
            page.reverse();
        }
        let data: Vec<Value> = page
            .iter()
            .map(|customer| customer.object(livemode))
            .collect();
        Ok(json!({"object": "list", "url": CUSTOMERS, "has_more": has_more, "data": data}))
    }
}

impl Customer {
    fn object(&self, livemode: bool) -> Value {
        let mut customer = json!({
            "id": self.id,
            "object": "customer",
            "created": self.created,
            "email": null,
            "livemode": livemode,
            "metadata": {},
            "name": null,
        });
        if let Some(account) = self.id.strip_prefix("acct_") {
            // An account that is a customer: as such it has another id, and names the account.
            customer["id"] = format!("cus_{account}").into();
            customer["customer_account"] = self.id.clone().into();
        }
        merge(&mut customer, &self.differing);
        customer
    }
}

/// The id in `/v1/customers/{id}`.
pub(super) fn customer_id(path: &str) -> Option<&str> {
    let id = path.strip_prefix(CUSTOMERS)?.strip_prefix('/')?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}
