//! What an event means. Everything in it is input: ids are parsed as ids, or ignored.
//!
//! Payers can choose some fields of a checkout, so a checkout is followed only as far as the operator decided its
//! content.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::outcome::WebhookOutcome;
use crate::{
    config::EventRules,
    http::strict_json::JsonObject,
    ids::{CustomerId, MAX_STRIPE_ID_BYTES, Mode, OrganizationId, is_stripe_id_byte},
    store::{Claim, CustomerChange, UnixSeconds},
};

/// The `object` of an event. A thin event has another, and other fields.
const EVENT: &str = "event";
/// The longest type of an event, in bytes. Stripe's have up to 60.
const MAX_TYPE_BYTES: usize = 100;
/// How far Stripe's clock may be ahead of ours. A recorded time that is further ahead would outweigh real events.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::minutes(5);

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
    livemode: bool,
    /// The connected account that it is about. An event of our own account has none.
    #[serde(default)]
    account: Value,
    /// The same in an organization of accounts: the path to the account, separated by `/`.
    #[serde(default)]
    context: Value,
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
struct Data {
    #[serde(default)]
    object: Value,
    /// Of an update: what the changed fields were before.
    #[serde(default)]
    previous_attributes: Value,
}

/// What an event means.
#[derive(Debug)]
pub(super) enum Action {
    /// Nothing, for this reason.
    Ignore(WebhookOutcome),
    /// The portal configuration of this id was changed at Stripe.
    ConfigurationChanged(String),
    /// An organization's customer changes.
    ChangeCustomer(CustomerChange),
    /// The customer names no organization, for this reason. It may have named one before.
    Withdraw(CustomerChange, WebhookOutcome),
}

impl Event {
    /// Parses an event. `None` if it is none.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        // The parts that are never looked at too: what can be read in two ways is not followed.
        let event: Self = serde_json::from_value(JsonObject::parse(body)?.into_value()).ok()?;
        let is_type = |byte: u8| is_stripe_id_byte(byte) || byte == b'.';
        let named = (1..=MAX_STRIPE_ID_BYTES).contains(&event.id.len())
            && event.id.bytes().all(is_stripe_id_byte);
        let typed = event.kind.len() <= MAX_TYPE_BYTES && event.kind.bytes().all(is_type);
        let timed = event.object != EVENT || event.created.is_i64();
        (named && typed && timed).then_some(event)
    }

    /// When it happened, by Stripe's clock.
    pub(super) fn created(&self) -> UnixSeconds {
        UnixSeconds(self.created.as_i64().unwrap_or(0))
    }

    /// How long ago it happened. `None` if the event does not say when.
    pub(super) fn age(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let created = DateTime::from_timestamp(self.created.as_i64()?, 0)?;
        Some(now - created)
    }

    /// What it means, by these rules and at this time.
    pub(super) fn action(&self, rules: &EventRules, now: DateTime<Utc>) -> Action {
        if self.object != EVENT {
            return Action::Ignore(WebhookOutcome::ThinEvent);
        }
        if !self.is_ours(rules) {
            return Action::Ignore(WebhookOutcome::OtherAccount);
        }
        if self.livemode != (rules.mode == Mode::Live) {
            return Action::Ignore(WebhookOutcome::OtherMode);
        }
        let object = &self.data.object;
        let change: Result<_, WebhookOutcome> = match self.kind.as_str() {
            "billing_portal.configuration.updated" => {
                let id = object["id"].as_str().unwrap_or_default();
                return Action::ConfigurationChanged(id.to_owned());
            }
            "customer.created" | "customer.updated" => self.claimed(rules),
            "customer.deleted" => deleted(object).map(Action::ChangeCustomer),
            "checkout.session.completed" => checked_out(object, rules).map(Action::ChangeCustomer),
            _ => Err(WebhookOutcome::OtherType),
        };
        match change {
            Ok(action) if self.is_ahead(&action, now) => {
                Action::Ignore(WebhookOutcome::FutureEvent)
            }
            Ok(action) => action,
            Err(outcome) => Action::Ignore(outcome),
        }
    }

    /// A customer that names its organization in its metadata, which only the operator writes.
    fn claimed(&self, rules: &EventRules) -> Result<Action, WebhookOutcome> {
        let Data {
            object,
            previous_attributes,
        } = &self.data;
        let before = previous_attributes["metadata"][&rules.metadata_key].as_str();
        let before = before.and_then(|org| org.parse().ok());
        let named = &object["metadata"][&rules.metadata_key];
        // Every customer of Stripe's has a time of creation; without one, it is at most as old as the event.
        let created = object["created"]
            .as_i64()
            .map_or(self.created(), UnixSeconds);
        match claim(named, object, Some(created)) {
            Ok(claim) => Ok(Action::ChangeCustomer(CustomerChange::Claimed {
                claim,
                before,
            })),
            // Every customer of Stripe's has metadata: without them, the event does not say what they name.
            Err(
                reason @ (WebhookOutcome::NoOrganization | WebhookOutcome::MalformedOrganization),
            ) if object["metadata"].is_object() => {
                let customer = customer_id(object).ok_or(reason)?;
                let change = CustomerChange::Withdrawn { customer, before };
                Ok(Action::Withdraw(change, reason))
            }
            Err(reason) => Err(reason),
        }
    }

    /// Whether each account that it names is ours. An event that names none is.
    fn is_ours(&self, rules: &EventRules) -> bool {
        let ours = rules.account.as_deref();
        let is_ours = |account: Option<&str>| account.is_some() && account == ours;
        let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let context = self.context.as_str().and_then(last);
        (self.account.is_null() || is_ours(self.account.as_str()))
            && (self.context.is_null() || is_ours(context.as_deref()))
    }

    /// Whether it, or the customer that it is about, is dated later than the clocks can differ.
    fn is_ahead(&self, action: &Action, now: DateTime<Utc>) -> bool {
        let limit = UnixSeconds::from(now + MAX_CLOCK_DIFFERENCE);
        let customer_created = match action {
            Action::ChangeCustomer(CustomerChange::Claimed { claim, .. }) => claim.customer_created,
            _ => None,
        };
        self.created() > limit || customer_created.is_some_and(|created| created > limit)
    }
}

fn deleted(object: &Value) -> Result<CustomerChange, WebhookOutcome> {
    let customer = customer_id(&object["id"]).ok_or(WebhookOutcome::NoCustomer)?;
    Ok(CustomerChange::Deleted(customer))
}

/// The customer that is written as its id, or whole.
fn customer_id(customer: &Value) -> Option<CustomerId> {
    let id = customer.as_str().or_else(|| customer["id"].as_str());
    id.and_then(|id| id.parse().ok())
}

/// A completed checkout. A payer can set `client_reference_id` in the URL of a payment link, so it counts only for a
/// session that the operator created.
fn checked_out(object: &Value, rules: &EventRules) -> Result<CustomerChange, WebhookOutcome> {
    let metadata = &object["metadata"][&rules.metadata_key];
    let named = if metadata.is_null() && object["payment_link"].is_null() {
        &object["client_reference_id"]
    } else {
        metadata
    };
    let claim = claim(named, &object["customer"], None)?;
    let is_paid = matches!(
        object["payment_status"].as_str(),
        Some("paid" | "no_payment_required")
    );
    if is_paid || object["mode"] == "subscription" {
        Ok(CustomerChange::Claimed {
            claim,
            before: None,
        })
    } else {
        Err(WebhookOutcome::UnpaidCheckout)
    }
}

fn claim(
    organization: &Value,
    customer: &Value,
    customer_created: Option<UnixSeconds>,
) -> Result<Claim, WebhookOutcome> {
    if organization.is_null() {
        return Err(WebhookOutcome::NoOrganization);
    }
    let org = organization.as_str().and_then(|id| id.parse().ok());
    let org: OrganizationId = org.ok_or(WebhookOutcome::MalformedOrganization)?;
    if customer["deleted"] == true {
        return Err(WebhookOutcome::DeletedCustomer);
    }
    Ok(Claim {
        org,
        customer: customer_id(customer).ok_or(WebhookOutcome::NoCustomer)?,
        customer_created,
    })
}
