//! Stripe's customers, for commands. A request of the API never reads one: the mapping is in our own database.

use serde_json::Value;

use super::{Call, Stripe, Unavailable, UpstreamCause};
use crate::ids::CustomerId;

const PATH: &str = "/v1/customers";

/// Customers a page: as many as Stripe gives.
const PAGE: usize = 100;

/// A customer can have fifty metadata of five hundred characters, and a page a hundred customers.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A customer, as far as it is of use here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StripeCustomer {
    /// Its id, as Stripe writes it. Who made the customer may have chosen it, so that it need not be one of ours.
    pub id: String,
    /// The organization that its metadata names, as it is written there.
    pub org_id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// When it was created, in seconds since 1970.
    pub created: i64,
    /// Whether it is no more.
    pub deleted: bool,
}

/// Where in the list of customers to begin. Stripe's order is the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// The newest ones.
    Newest,
    /// Those before this one in time.
    OlderThan(String),
    /// Those after this one in time, the nearest of them.
    NewerThan(String),
}

/// A page of customers, the newest first.
#[derive(Debug)]
pub(crate) struct CustomerPage {
    /// The customers.
    pub customers: Vec<StripeCustomer>,
    /// Whether there are more in this direction.
    pub has_more: bool,
}

impl Stripe {
    /// Lists customers; none where the one to begin from is no more.
    pub(crate) async fn list_customers(
        &self,
        from: &Cursor,
    ) -> Result<Option<CustomerPage>, Unavailable> {
        let from = match from {
            Cursor::Newest => String::new(),
            Cursor::OlderThan(id) => format!("&starting_after={}", encoded(id)),
            Cursor::NewerThan(id) => format!("&ending_before={}", encoded(id)),
        };
        let path = format!("{PATH}?limit={PAGE}{from}");
        let call = Call {
            max_answer_bytes: MAX_PAGE_BYTES,
            ..Call::get(path)
        };
        self.ask("customers", &call, |answer| {
            if answer.is_missing("starting_after") || answer.is_missing("ending_before") {
                return Ok(None);
            }
            let page = answer.success()?;
            let customers = page["data"].as_array().map(|customers| {
                let customers = customers.iter().map(customer);
                customers.collect::<Option<Vec<_>>>()
            });
            match customers.flatten() {
                Some(customers) => Ok(Some(CustomerPage {
                    customers,
                    has_more: page["has_more"] == true,
                })),
                None => Err(answer.failure(UpstreamCause::InvalidResponse, "not_customers")),
            }
        })
        .await
    }

    /// Finds a customer; none where Stripe never had it.
    pub(crate) async fn find_customer(
        &self,
        id: &CustomerId,
    ) -> Result<Option<StripeCustomer>, Unavailable> {
        let call = Call::get(format!("{PATH}/{id}"));
        self.ask("customers", &call, |answer| {
            if answer.is_missing("id") && !answer.is_of_the_other_mode() {
                return Ok(None);
            }
            match customer(answer.success()?) {
                Some(customer) if customer.id == id.as_str() => Ok(Some(customer)),
                _ => Err(answer.failure(UpstreamCause::InvalidResponse, "customer_mismatch")),
            }
        })
        .await
    }
}

fn encoded(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

fn customer(object: &Value) -> Option<StripeCustomer> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(StripeCustomer {
        id: object["id"].as_str()?.to_owned(),
        org_id: text(&object["metadata"]["org_id"]),
        name: text(&object["name"]).filter(|name| !name.is_empty()),
        created: object["created"].as_i64().unwrap_or_default(),
        deleted: object["deleted"] == true,
    })
}
