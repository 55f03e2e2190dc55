//! The parts of an event that are used here. All of it is untrusted input: an id that is not valid is not used.

use serde::Deserialize;
use serde_json::Value;

use super::outcome::WebhookOutcome;
use crate::{
    ids::{CustomerId, MAX_STRIPE_ID_BYTES, OrganizationId, is_stripe_id_byte},
    store::{CustomerChange, UnixSeconds},
};

/// The `object` of an event. Thin events, which are not configured here, have another one and other fields.
const EVENT: &str = "event";
/// The longest event type, in bytes. Stripe's have less than 60 characters.
const MAX_TYPE_BYTES: usize = 100;

/// An event of Stripe's.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    /// `evt_…`.
    pub id: String,
    /// `event`; a thin event is another object.
    object: String,
    /// Such as `customer.created`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    created: Value,
    #[serde(default)]
    pub livemode: bool,
    /// The connected account that the event is about. `None`: the account itself.
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
struct Data {
    #[serde(default)]
    object: Value,
}

/// What the service does about an event.
#[derive(Debug)]
pub(super) enum Action {
    /// Nothing, with this outcome.
    Ignore(WebhookOutcome),
    /// Verify the portal configuration again.
    ConfigurationChanged,
    /// Update an organization's customer.
    Customer(CustomerChange),
}

impl Event {
    /// Reads an event. `None` if the body is not one.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        // As text first, so that the parts that are not used must be UTF-8 too.
        let event: Self = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
        let is_type = |byte: u8| is_stripe_id_byte(byte) || byte == b'.';
        let named = (1..=MAX_STRIPE_ID_BYTES).contains(&event.id.len())
            && event.id.bytes().all(is_stripe_id_byte);
        let typed = event.kind.len() <= MAX_TYPE_BYTES && event.kind.bytes().all(is_type);
        let timed = event.object != EVENT || event.created.is_i64();
        (named && typed && timed).then_some(event)
    }

    /// When it happened, by Stripe's clock.
    pub(super) fn created(&self) -> UnixSeconds {
        UnixSeconds(self.created.as_i64().unwrap_or_default())
    }

    /// What the service does about it.
    pub(super) fn action(&self) -> Action {
        let object = &self.data.object;
        if self.object != EVENT {
            return Action::Ignore(WebhookOutcome::ThinEvent);
        }
        if self.account.is_some() {
            return Action::Ignore(WebhookOutcome::ConnectedAccount);
        }
        match self.kind.as_str() {
            "billing_portal.configuration.updated" => Action::ConfigurationChanged,
            "customer.created" | "customer.updated" => assigned(object, &object["id"]),
            "customer.deleted" => match customer(&object["id"]) {
                Some(customer) => Action::Customer(CustomerChange::Deleted(customer)),
                None => Action::Ignore(WebhookOutcome::NoCustomer),
            },
            "checkout.session.completed" => assigned(object, &object["customer"]),
            _ => Action::Ignore(WebhookOutcome::OtherType),
        }
    }
}

fn assigned(object: &Value, id: &Value) -> Action {
    match (organization(object), customer(id)) {
        (Ok(Some(organization)), Some(customer)) => {
            Action::Customer(CustomerChange::Assigned(organization, customer))
        }
        (Ok(Some(_)), None) => Action::Ignore(WebhookOutcome::NoCustomer),
        (Ok(None), _) => Action::Ignore(WebhookOutcome::NoOrganization),
        (Err(_), _) => Action::Ignore(WebhookOutcome::MalformedOrganization),
    }
}

/// The organization that the object names: in its metadata, or in the `client_reference_id` of a checkout session.
fn organization(object: &Value) -> Result<Option<OrganizationId>, &'static str> {
    let named = [
        &object["metadata"]["org_id"],
        &object["client_reference_id"],
    ]
    .into_iter()
    .find(|value| !value.is_null());
    match named {
        None => Ok(None),
        Some(value) => value.as_str().ok_or("not text")?.parse().map(Some),
    }
}

/// A customer's id. Stripe may send the whole customer in its place.
fn customer(value: &Value) -> Option<CustomerId> {
    let id = value.as_str().or_else(|| value["id"].as_str())?;
    id.parse().ok()
}
