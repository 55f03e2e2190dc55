//! The promise that the portal changes no plans: one portal configuration, found or created, verified, and passed
//! with every session.
//!
//! Ours is marked by metadata and mended when somebody changed it. One that the operator named is verified and never
//! changed: while it breaks the promise no portal is opened.

use std::sync::{PoisonError, RwLock};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Answer, Call, Stripe, Unavailable, UpstreamCause};

const PATH: &str = "/v1/billing_portal/configurations";
const MANAGED_BY: &str = "billing-portal";

/// What the portal is for. `email` is left out: our mapping never uses it, but others' might.
const WANTED: [(&str, &str); 10] = [
    ("features[customer_update][enabled]", "true"),
    ("features[customer_update][allowed_updates][0]", "name"),
    ("features[customer_update][allowed_updates][1]", "address"),
    ("features[customer_update][allowed_updates][2]", "phone"),
    ("features[customer_update][allowed_updates][3]", "tax_id"),
    ("features[invoice_history][enabled]", "true"),
    ("features[payment_method_update][enabled]", "true"),
    ("features[subscription_cancel][enabled]", "false"),
    ("features[subscription_update][enabled]", "false"),
    ("login_page[enabled]", "false"),
];

/// The features that may be on. Any other, also one that Stripe adds one day, breaks the promise.
const PERMITTED: [&str; 3] = [
    "customer_update",
    "invoice_history",
    "payment_method_update",
];

/// A way in which a configuration breaks the promise, such as `subscription_cancel is on`.
pub(super) type Violation = String;

/// A configuration and how it keeps the promise.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Verification {
    /// Stripe's id, `bpc_…`.
    pub id: String,
    /// Whether portals may be opened with it.
    pub ok: bool,
    /// What breaks the promise.
    pub violations: Vec<Violation>,
}

/// Whether the promise is known to be kept, and by which configuration.
#[derive(Debug, Default)]
pub struct Promise {
    state: RwLock<State>,
    /// Rings when the configuration should be looked at before its time.
    pub doubt: tokio::sync::Notify,
}

#[derive(Debug, Clone, Default)]
enum State {
    /// It was not looked at yet, or could not be.
    #[default]
    Unknown,
    /// The configuration of this id keeps it.
    Kept(String),
    /// The configuration breaks it.
    Broken,
}

impl Promise {
    /// The id of the verified configuration, or why there is none; no portal is opened then.
    pub fn require_kept(&self) -> Result<String, UpstreamCause> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Kept(id) => Ok(id.clone()),
            State::Broken => Err(UpstreamCause::ConfigurationViolation),
            State::Unknown => Err(UpstreamCause::ConfigurationUnverified),
        }
    }

    /// Closes the operation until the configuration has been verified again.
    pub(super) fn break_because(&self, reason: &'static str) {
        tracing::error!(event = "portal_configuration_unverified", reason);
        self.set(State::Unknown);
        self.doubt.notify_one();
    }

    fn set(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl Stripe {
    /// Finds or creates the configuration, mends ours, and opens or closes the operation by the result.
    pub async fn keep_promise(&self) -> Result<Verification, Unavailable> {
        let verification = self.ensure_configuration().await.inspect_err(|failure| {
            failure.log();
            // Stripe is there and does not show it, so what was verified may no longer be so.
            if !failure.cause.passes_by_itself() {
                self.promise.set(State::Unknown);
            }
        })?;
        if verification.ok {
            self.promise.set(State::Kept(verification.id.clone()));
        } else {
            tracing::error!(
                event = "portal_configuration_violation",
                alert = true,
                upstream_cause = UpstreamCause::ConfigurationViolation.as_str(),
                configuration = verification.id,
                violations = verification.violations.join("; "),
            );
            self.promise.set(State::Broken);
        }
        Ok(verification)
    }

    /// The configuration in use, as it is, without changing anything. None where ours was not created yet.
    pub async fn find_configuration(&self) -> Result<Option<Verification>, Unavailable> {
        let found = match &self.transport.settings().portal_configuration {
            Some(named) => Some(self.retrieve(named).await?),
            None => self.find_ours().await?,
        };
        Ok(found.map(|configuration| verify(&configuration)))
    }

    /// The configuration in use, created or mended where it is ours.
    pub async fn ensure_configuration(&self) -> Result<Verification, Unavailable> {
        if let Some(named) = &self.transport.settings().portal_configuration {
            return Ok(verify(&self.retrieve(named).await?));
        }
        let Some(ours) = self.find_ours().await? else {
            return Ok(verify(&self.create().await?));
        };
        let verification = verify(&ours);
        if verification.ok && lacks_nothing(&ours) {
            return Ok(verification);
        }
        let mended = verify(&self.mend(&verification.id).await?);
        self.metrics.configuration_mended.inc();
        tracing::error!(
            event = "portal_configuration_mended",
            alert = true,
            configuration = verification.id,
            violations = verification.violations.join("; "),
            "somebody changed our portal configuration; it was set back"
        );
        Ok(mended)
    }

    async fn retrieve(&self, id: &str) -> Result<Value, Unavailable> {
        self.configuration_call(&Call::get(format!("{PATH}/{id}")))
            .await
    }

    async fn configuration_call(&self, call: &Call) -> Result<Value, Unavailable> {
        self.ask("configurations", call, require_success).await
    }

    /// Ours, an active one before one that somebody deactivated.
    async fn find_ours(&self) -> Result<Option<Value>, Unavailable> {
        let (mut after, mut deactivated) = (String::new(), None);
        loop {
            let path = format!("{PATH}?limit=10{after}");
            let page = self.configuration_call(&Call::get(path)).await?;
            let configurations = page["data"]
                .as_array()
                .ok_or(UpstreamCause::InvalidResponse)?;
            for one in configurations
                .iter()
                .filter(|one| one["metadata"]["managed_by"] == MANAGED_BY)
            {
                if one["active"] == true {
                    return Ok(Some(one.clone()));
                }
                deactivated.get_or_insert_with(|| one.clone());
            }
            match configurations.last().and_then(|last| last["id"].as_str()) {
                Some(last) if page["has_more"] == true => after = format!("&starting_after={last}"),
                _ => return Ok(deactivated),
            }
        }
    }

    /// The key follows from the content, so that two instances that start together are given the same one.
    async fn create(&self) -> Result<Value, Unavailable> {
        let form = form([]);
        let content = Sha256::digest(format!("{form:?}"));
        let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
        let digest = content.iter().take(16).fold(String::new(), hex);
        let key = format!("billing-portal-{digest}");
        self.configuration_call(&Call::post(PATH, form, key)).await
    }

    /// Sets ours back to what it should be, whatever was changed, and as often as it is.
    async fn mend(&self, id: &str) -> Result<Value, Unavailable> {
        let key = self.clock.ulid().to_string();
        let path = format!("{PATH}/{id}");
        self.configuration_call(&Call::post(&path, form([("active", "true")]), key))
            .await
    }
}

/// What the configuration should be, and more.
fn form<const N: usize>(more: [(&str, &str); N]) -> Vec<(String, String)> {
    let own = [
        ("name", "billing-portal"),
        ("metadata[managed_by]", MANAGED_BY),
    ];
    let fields = own.into_iter().chain(WANTED).chain(more);
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn require_success(answer: &Answer) -> Result<Value, Unavailable> {
    // The one thing that is asked for here has its id in the path, so that the param is `id`.
    if answer.is_missing("id") && !answer.is_of_the_other_mode() {
        return Err(answer.failure(UpstreamCause::ConfigurationMissing, "configuration"));
    }
    answer.success().cloned()
}

/// What of the configuration breaks the promise.
fn verify(configuration: &Value) -> Verification {
    let is_on = |feature: &Value| feature["enabled"] != Value::Bool(false);
    let mut violations = Vec::new();
    match configuration["features"].as_object() {
        None => violations.push("the features are not known".to_owned()),
        Some(features) => violations.extend(
            features
                .iter()
                .filter(|(name, feature)| !PERMITTED.contains(&name.as_str()) && is_on(feature))
                .map(|(name, _)| format!("{name} is on")),
        ),
    }
    let login_page = &configuration["login_page"];
    if !login_page.is_null() && is_on(login_page) {
        violations.push("login_page is on".to_owned());
    }
    if configuration["active"] == false {
        violations.push("the configuration is not active".to_owned());
    }
    let id = configuration["id"].as_str().unwrap_or_default().to_owned();
    Verification {
        ok: violations.is_empty() && !id.is_empty(),
        id,
        violations,
    }
}

/// Whether what the portal is for is on.
fn lacks_nothing(configuration: &Value) -> bool {
    PERMITTED
        .iter()
        .all(|name| configuration["features"][name]["enabled"] == true)
}
