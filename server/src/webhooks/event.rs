//! What an event says, as far as it is of use here. Everything in it is input: ids are read as ids, or not at all.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    ids::{CustomerId, MAX_STRIPE_ID_BYTES, OrganizationId, is_stripe_id_byte},
    store::{CustomerChange, UnixSeconds},
};

/// What an event is called; thin events, which we have not asked for, have another name and other fields.
const EVENT: &str = "event";
const MAX_TYPE_LENGTH: usize = 100;

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
    /// The connected account that it is about; none: our own.
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

/// What follows from an event.
#[derive(Debug)]
pub(super) enum Meaning {
    /// Nothing, because of this.
    Nothing(&'static str),
    /// Whether the promise is still kept has to be found out.
    ConfigurationChanged,
    /// An organization's customer changed.
    Customer(CustomerChange),
}

impl Event {
    /// Reads an event; none where it is none.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        // As text first: what is never looked at is to be JSON, too.
        let event: Self = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
        let is_type = |byte: u8| is_stripe_id_byte(byte) || byte == b'.';
        let named = (1..=MAX_STRIPE_ID_BYTES).contains(&event.id.len())
            && event.id.bytes().all(is_stripe_id_byte);
        let typed = event.kind.len() <= MAX_TYPE_LENGTH && event.kind.bytes().all(is_type);
        let timed = event.object != EVENT || event.created.is_i64();
        (named && typed && timed).then_some(event)
    }

    /// When it happened, by Stripe's clock.
    pub(super) fn created(&self) -> UnixSeconds {
        UnixSeconds(self.created.as_i64().unwrap_or_default())
    }

    /// What follows from it.
    pub(super) fn meaning(&self) -> Meaning {
        let object = &self.data.object;
        if self.object != EVENT {
            return Meaning::Nothing("thin_event");
        }
        if self.account.is_some() {
            return Meaning::Nothing("connected_account");
        }
        match self.kind.as_str() {
            "billing_portal.configuration.updated" => Meaning::ConfigurationChanged,
            "customer.created" | "customer.updated" => assigned(object, &object["id"]),
            "customer.deleted" => match customer(&object["id"]) {
                Some(customer) => Meaning::Customer(CustomerChange::Deleted(customer)),
                None => Meaning::Nothing("no_customer"),
            },
            "checkout.session.completed" => assigned(object, &object["customer"]),
            _ => Meaning::Nothing("other_type"),
        }
    }
}

fn assigned(object: &Value, id: &Value) -> Meaning {
    match (organization(object), customer(id)) {
        (Ok(Some(organization)), Some(customer)) => {
            Meaning::Customer(CustomerChange::Assigned(organization, customer))
        }
        (Ok(Some(_)), None) => Meaning::Nothing("no_customer"),
        (Ok(None), _) => Meaning::Nothing("no_organization"),
        (Err(_), _) => Meaning::Nothing("malformed_organization"),
    }
}

/// The organization that the object names: in its metadata or, a checkout session, as what the operator called it.
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

/// A customer's id; Stripe may send the whole customer in its place.
fn customer(value: &Value) -> Option<CustomerId> {
    let id = value.as_str().or_else(|| value["id"].as_str())?;
    id.parse().ok()
}
