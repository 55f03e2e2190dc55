//! Ensures that plans cannot be changed in the portal: finds or creates one portal configuration and verifies it. Every
//! session is opened with it.
//!
//! The configuration that the service created is marked by metadata. If someone changes it, the service restores it. A
//! configuration that the operator named is only verified: while it allows plan changes, no portal is opened.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    answer::StripeResponse, attempt::Call, cause::UpstreamCause, client::Stripe, error::StripeError,
};

/// Stripe's path for portal configurations.
const PATH: &str = "/v1/billing_portal/configurations";
/// The value of `metadata.managed_by` that marks the service's own configuration.
const MANAGED_BY: &str = "billing-portal";

/// How often creation is tried, each time with a new idempotency key, if the result cannot be used. Stripe repeats a
/// failure for a day, so each further key is needed only once a day at most.
const MAX_GENERATIONS: u32 = 3;

/// The features that the portal must have. `email` is left out: an integration may identify customers by it.
const REQUIRED_FEATURES: [(&str, &str); 11] = [
    ("features[customer_update][enabled]", "true"),
    ("features[customer_update][allowed_updates][0]", "name"),
    ("features[customer_update][allowed_updates][1]", "address"),
    ("features[customer_update][allowed_updates][2]", "phone"),
    ("features[customer_update][allowed_updates][3]", "tax_id"),
    ("features[invoice_history][enabled]", "true"),
    ("features[payment_method_update][enabled]", "true"),
    ("features[subscription_cancel][enabled]", "false"),
    ("features[subscription_pause][enabled]", "false"),
    ("features[subscription_update][enabled]", "false"),
    ("login_page[enabled]", "false"),
];

/// The features that may be on. Any other one is a violation, including one that Stripe may add.
const PERMITTED_FEATURES: [&str; 3] = [
    "customer_update",
    "invoice_history",
    "payment_method_update",
];

/// The features that change plans. Stripe must report each as off: a version of its API that does not know a feature
/// leaves it out, whether it is on or off.
const PLAN_FEATURES: [&str; 3] = [
    "subscription_cancel",
    "subscription_pause",
    "subscription_update",
];

/// A reason why no portal may be opened with a configuration, such as `subscription_cancel is on`.
pub(super) type Violation = String;

/// A configuration and its violations.
#[derive(Debug, Clone)]
pub(crate) struct Verification {
    /// Stripe's id, `bpc_…`.
    pub id: String,
    /// Whether portals may be opened with it.
    pub ok: bool,
    /// Why no portal may be opened with it.
    pub violations: Vec<Violation>,
}

impl Stripe {
    /// Ensures the configuration, and opens or closes the operation by the result.
    pub(crate) async fn verify_configuration(&self) -> Result<Verification, StripeError> {
        let began = self.clock.instant();
        let verification = self.ensure_configuration().await.inspect_err(|error| {
            error.log();
            // Stripe responded and did not return it, so an earlier verification may no longer hold.
            if !error.cause.passes_by_itself() {
                self.verification.set_unverified();
            }
        })?;
        if verification.ok {
            self.verification.set_verified(&verification.id, began);
        } else {
            tracing::error!(
                event = "portal_configuration_violation",
                alert = true,
                upstream_cause = UpstreamCause::ConfigurationViolation.as_str(),
                configuration = verification.id,
                violations = verification.violations.join("; "),
            );
            self.verification.set_violated();
        }
        Ok(verification)
    }

    /// The configuration in use, without changing it. `None` if the service has not created it yet.
    pub(crate) async fn find_configuration(&self) -> Result<Option<Verification>, StripeError> {
        let found = match &self.transport.config().portal_configuration {
            Some(named) => Some(self.retrieve(named).await?),
            None => self.find_managed().await?,
        };
        Ok(found.map(|configuration| verify(&configuration)))
    }

    /// The configuration in use, created or restored if the service manages it.
    pub(crate) async fn ensure_configuration(&self) -> Result<Verification, StripeError> {
        if let Some(named) = &self.transport.config().portal_configuration {
            return Ok(verify(&self.retrieve(named).await?));
        }
        let Some(managed) = self.find_managed().await? else {
            return Ok(verify(&self.create().await?));
        };
        let verification = verify(&managed);
        if verification.ok && is_complete(&managed) {
            return Ok(verification);
        }
        let restored = verify(&self.restore(&verification.id).await?);
        if restored.ok {
            self.metrics.configuration_restored.inc();
            tracing::error!(
                event = "portal_configuration_restored",
                alert = true,
                configuration = verification.id,
                violations = verification.violations.join("; "),
                "our portal configuration had been changed and was restored"
            );
        }
        Ok(restored)
    }

    async fn retrieve(&self, id: &str) -> Result<Value, StripeError> {
        self.configuration_call(&Call::get(format!("{PATH}/{id}")))
            .await
    }

    async fn configuration_call(&self, call: &Call) -> Result<Value, StripeError> {
        self.call_and_read("configurations", call, require_success)
            .await
    }

    /// The configuration that the service created: an active one, or else one that someone deactivated.
    async fn find_managed(&self) -> Result<Option<Value>, StripeError> {
        let (mut after, mut deactivated) = (String::new(), None);
        loop {
            let path = format!("{PATH}?limit=10{after}");
            let page = self.configuration_call(&Call::get(path)).await?;
            let configurations = page["data"]
                .as_array()
                .ok_or(UpstreamCause::InvalidResponse)?;
            for one in configurations.iter().filter(|one| is_managed(one)) {
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

    /// Creates it. The idempotency key is derived from the content, so that two instances that start together get the same
    /// configuration. If the result that Stripe repeats for a key cannot be used, the next generation's key is tried, in
    /// the same order by all instances.
    async fn create(&self) -> Result<Value, StripeError> {
        let form = form([]);
        let content = Sha256::digest(format!("{form:?}"));
        let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
        let digest = content.iter().take(16).fold(String::new(), hex);
        for generation in 0..MAX_GENERATIONS {
            let key = format!("billing-portal-{digest}-{generation}");
            let call = Call::post(PATH, form.clone(), key);
            if let Some(created) = self.create_once(&call).await? {
                return Ok(created);
            }
        }
        Err(UpstreamCause::ConfigurationMissing.into())
    }

    /// Stripe repeats its first response to a key for a day. `None` if that was a failure, or if the configuration has been
    /// changed or deleted since.
    async fn create_once(&self, call: &Call) -> Result<Option<Value>, StripeError> {
        let created = self.call_and_read("configurations", call, |response| {
            Ok((require_success(response)?, response.replayed))
        });
        let created = match created.await {
            Ok((created, false)) => return Ok(Some(created)),
            Ok((created, true)) => created,
            Err(error) if error.replayed => return Ok(None),
            Err(error) => return Err(error),
        };
        match self
            .retrieve(created["id"].as_str().unwrap_or_default())
            .await
        {
            Ok(now) => Ok(Some(now).filter(|now| is_managed(now) && verify(now).ok)),
            Err(error) if error.cause == UpstreamCause::ConfigurationMissing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Restores the service's own configuration. The key is new each time, so that Stripe executes every restore.
    async fn restore(&self, id: &str) -> Result<Value, StripeError> {
        let key = self.clock.ulid().to_string();
        let path = format!("{PATH}/{id}");
        self.configuration_call(&Call::post(&path, form([("active", "true")]), key))
            .await
    }
}

/// The form of the configuration, with further fields.
fn form<const N: usize>(more: [(&str, &str); N]) -> Vec<(String, String)> {
    let own = [
        ("name", "billing-portal"),
        ("metadata[managed_by]", MANAGED_BY),
    ];
    let fields = own.into_iter().chain(REQUIRED_FEATURES).chain(more);
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn require_success(response: &StripeResponse) -> Result<Value, StripeError> {
    // The configuration's id is in the path, so Stripe calls the parameter `id`.
    if response.is_missing("id") && !response.is_of_other_mode() {
        return Err(response.failure(UpstreamCause::ConfigurationMissing, "configuration"));
    }
    response.success().cloned()
}

/// Checks the configuration for violations.
fn verify(configuration: &Value) -> Verification {
    let mut violations = feature_violations(&configuration["features"]);
    let login_page = &configuration["login_page"];
    if !login_page.is_null() && !is_off(login_page) {
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

/// The features that must be off and are on, then those that must be reported and are not.
fn feature_violations(features: &Value) -> Vec<Violation> {
    let is_reported = |name: &str| features[name]["enabled"].is_boolean();
    let must_be_reported = |name: &str| PLAN_FEATURES.contains(&name);
    let on = features.as_object().into_iter().flatten();
    let on = on.filter(|(name, feature)| {
        let is_permitted = PERMITTED_FEATURES.contains(&name.as_str());
        let is_missing = must_be_reported(name) && !is_reported(name);
        !is_permitted && !is_missing && !is_off(feature)
    });
    let missing = PLAN_FEATURES.iter().filter(|name| !is_reported(name));
    let on = on.map(|(name, _)| format!("{name} is on"));
    on.chain(missing.map(|name| format!("{name} is not reported by Stripe")))
        .collect()
}

fn is_off(feature: &Value) -> bool {
    feature["enabled"] == false
}

fn is_managed(configuration: &Value) -> bool {
    configuration["metadata"]["managed_by"] == MANAGED_BY
}

/// Whether the required features are on, with exactly the required updates.
fn is_complete(configuration: &Value) -> bool {
    let features = &configuration["features"];
    let all_on = PERMITTED_FEATURES
        .iter()
        .all(|name| features[name]["enabled"] == true);
    let updates = features["customer_update"]["allowed_updates"].as_array();
    let exact = updates.is_none_or(|updates| {
        let allowed: BTreeSet<&str> = updates.iter().filter_map(Value::as_str).collect();
        let wanted = REQUIRED_FEATURES
            .iter()
            .filter(|(name, _)| name.contains("allowed_updates"));
        allowed == wanted.map(|(_, update)| *update).collect()
    });
    all_on && exact
}
