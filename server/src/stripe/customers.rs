//! Reads Stripe's customers, for commands. A request of the API never does: the mapping is in our own database.

use serde_json::Value;

use super::{
    call::Call, cause::UpstreamCause, client::Stripe, error::StripeError, response::StripeResponse,
};
use crate::ids::CustomerId;

const PATH: &str = "/v1/customers";

/// Customers on a page: Stripe's maximum.
const PAGE_SIZE: usize = 100;

/// The parts of a customer that are used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StripeCustomer {
    /// Its id, as Stripe has it. An integration can choose ids, so it need not be a valid [`CustomerId`].
    pub id: String,
    /// The organization that its metadata names, as it is written there.
    pub org_id: Option<String>,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// When it was created, in seconds since 1970.
    pub created: i64,
    /// Whether the customer is deleted.
    pub deleted: bool,
}

/// Where in the list of customers to begin. Stripe lists the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// At the newest.
    Newest,
    /// After this id in the list: the next older customers.
    OlderThan(String),
    /// Before this id in the list: the next newer customers.
    NewerThan(String),
}

/// A page of customers, the newest first.
#[derive(Debug)]
pub(crate) struct CustomerPage {
    /// The customers on the page.
    pub customers: Vec<StripeCustomer>,
    /// Whether there are more in this direction.
    pub has_more: bool,
}

impl Stripe {
    /// Lists a page of customers. `None` if Stripe does not have the customer to begin from.
    pub(crate) async fn list_customers(
        &self,
        from: &Cursor,
    ) -> Result<Option<CustomerPage>, StripeError> {
        let from = match from {
            Cursor::Newest => String::new(),
            Cursor::OlderThan(id) => format!("&starting_after={}", encoded(id)),
            Cursor::NewerThan(id) => format!("&ending_before={}", encoded(id)),
        };
        let path = format!("{PATH}?limit={PAGE_SIZE}{from}");
        let call = Call::list(path);
        let key = &self.organization_metadata_key;
        self.call_and_read("customers", &call, |response| page(response, key))
            .await
    }

    /// Finds a customer. `None` if Stripe never had it. An account that is a customer is found here too: Stripe answers
    /// the customer that it is, which has an id of its own and names the account.
    pub(crate) async fn find_customer(
        &self,
        id: &CustomerId,
    ) -> Result<Option<StripeCustomer>, StripeError> {
        let call = Call::get(format!("{PATH}/{}", encoded(id.as_str())));
        self.call_and_read("customers", &call, |response| {
            if response.is_missing("id") && !response.is_of_other_mode() {
                return Ok(None);
            }
            let found = response.success()?;
            let field = if id.is_account() {
                "customer_account"
            } else {
                "id"
            };
            // A deleted one has only the id by which it was asked for.
            let is_requested = [&found[field], &found["id"]].contains(&&Value::from(id.as_str()));
            let customer = customer(&found, &self.organization_metadata_key);
            match customer.filter(|_| is_requested) {
                Some(customer) => Ok(Some(customer)),
                None => Err(response.failure(UpstreamCause::InvalidResponse, "customer_mismatch")),
            }
        })
        .await
    }
}

fn page(
    response: &StripeResponse,
    organization_key: &str,
) -> Result<Option<CustomerPage>, StripeError> {
    if response.is_missing("starting_after") || response.is_missing("ending_before") {
        return Ok(None);
    }
    let page = response.success()?;
    let customers = page["data"].as_array().map(|customers| {
        let customers = customers
            .iter()
            .map(|object| customer(object, organization_key));
        customers.collect::<Option<Vec<_>>>()
    });
    match customers.flatten() {
        Some(customers) => Ok(Some(CustomerPage {
            customers,
            has_more: page["has_more"] == true,
        })),
        None => Err(response.failure(UpstreamCause::InvalidResponse, "not_customers")),
    }
}

fn encoded(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

fn customer(object: &Value, organization_key: &str) -> Option<StripeCustomer> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(StripeCustomer {
        id: object["id"].as_str()?.to_owned(),
        org_id: text(&object["metadata"][organization_key]),
        name: text(&object["name"]).filter(|name| !name.is_empty()),
        created: object["created"].as_i64().unwrap_or_default(),
        deleted: object["deleted"] == true,
    })
}
