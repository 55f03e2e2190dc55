//! What the simulated account holds: customers, portal configurations, idempotent answers.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::customers::Customers;
use super::object::{merge, unix_time};
use super::reply::Reply;

/// A successful call, for its repetition under the same key.
#[derive(Debug)]
pub(super) struct Done {
    /// The path and the fields that the key was first used with.
    pub(super) requested: (String, Vec<(String, String)>),
    pub(super) reply: Reply,
    /// Until then the call is executed, and the key is in use.
    pub(super) ready_at: Instant,
}

/// One Stripe account in one mode.
#[derive(Debug)]
pub(super) struct Account {
    secret: String,
    session_url: String,
    pub(super) customers: Customers,
    configurations: Vec<Value>,
    last_session: Option<Value>,
    opened_sessions: usize,
    /// How long a call with an idempotency key is executed.
    pub(super) execution: Duration,
    pub(super) done: HashMap<String, Done>,
}

impl Account {
    pub(super) fn new(secret: String, session_url: Option<String>) -> Self {
        let mode = if is_live(&secret) { "live" } else { "test" };
        Self {
            session_url: session_url
                .unwrap_or_else(|| format!("https://billing.stripe.com/p/session/{mode}_")),
            secret,
            customers: Customers::default(),
            configurations: Vec::new(),
            last_session: None,
            opened_sessions: 0,
            execution: Duration::ZERO,
            done: HashMap::new(),
        }
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn replace_secret(&mut self, secret: &str) {
        secret.clone_into(&mut self.secret);
    }

    pub(super) fn is_live(&self) -> bool {
        is_live(&self.secret)
    }

    pub(super) fn configurations(&self) -> &[Value] {
        &self.configurations
    }

    pub(super) fn find_configuration(&self, id: &str) -> Option<&Value> {
        self.configurations.iter().find(|one| one["id"] == id)
    }

    /// Answers the id of the new configuration.
    pub(super) fn add_configuration(&mut self, differing: &Value) -> String {
        let id = format!("bpc_{}", random());
        let mut configuration = default_configuration(&id, is_live(&self.secret));
        merge(&mut configuration, differing);
        self.configurations.push(configuration);
        id
    }

    /// The configuration after the change, if there is one of this id.
    pub(super) fn change_configuration(&mut self, id: &str, change: &Value) -> Option<&Value> {
        let configuration = self.configurations.iter_mut().find(|one| one["id"] == id)?;
        merge(configuration, change);
        configuration["updated"] = unix_time().into();
        Some(configuration)
    }

    /// A session object; sessions cannot be looked up again, so only the last is kept.
    pub(super) fn open_session(
        &mut self,
        customer: &str,
        configuration: &str,
        requested: &Value,
        flow: &Value,
    ) -> Value {
        let session = json!({
            "id": format!("bps_{}", random()),
            "object": "billing_portal.session",
            "configuration": configuration,
            "created": unix_time(),
            "customer": (!customer.starts_with("acct_")).then_some(customer),
            "customer_account": customer.starts_with("acct_").then_some(customer),
            "flow": flow,
            "livemode": is_live(&self.secret),
            "locale": requested["locale"],
            "on_behalf_of": null,
            "return_url": requested["return_url"],
            "url": format!("{}{}", self.session_url, random()),
        });
        self.last_session = Some(session.clone());
        self.opened_sessions += 1;
        session
    }

    pub(super) fn opened_sessions(&self) -> usize {
        self.opened_sessions
    }

    pub(super) fn last_session(&self) -> Option<&Value> {
        self.last_session.as_ref()
    }
}

/// The mode is a part of the secret: `sk_live_…`, `rk_live_…` or the same with `test`.
fn is_live(secret: &str) -> bool {
    secret.split('_').nth(1) == Some("live")
}

/// Stripe's defaults: a feature that is not asked for is off.
fn default_configuration(id: &str, livemode: bool) -> Value {
    let now = unix_time();
    json!({
        "id": id,
        "object": "billing_portal.configuration",
        "active": true,
        "application": null,
        "business_profile": {"headline": null, "privacy_policy_url": null, "terms_of_service_url": null},
        "created": now,
        "default_return_url": null,
        "features": {
            "customer_update": {"allowed_updates": [], "enabled": false},
            "invoice_history": {"enabled": false},
            "payment_method_update": {"enabled": false, "payment_method_configuration": null},
            "subscription_cancel": {
                "cancellation_reason": {"enabled": false, "options": []},
                "enabled": false,
                "mode": "at_period_end",
                "proration_behavior": "none",
            },
            "subscription_pause": {"enabled": false},
            "subscription_update": {
                "default_allowed_updates": [],
                "enabled": false,
                "products": null,
                "proration_behavior": "none",
            },
        },
        "is_default": false,
        "livemode": livemode,
        "login_page": {"enabled": false, "url": null},
        "metadata": {},
        "name": null,
        "updated": now,
    })
}

/// Sixteen characters that no other object has; std seeds every `RandomState` differently.
fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
