//! The promise that the portal changes no plans: one portal configuration, found or created, verified, and passed
//! with every session.
//!
//! Ours is marked by metadata and mended when somebody changed it. One that the operator named is verified and never
//! changed: while it breaks the promise no portal is opened.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Answer, Call, Stripe, Unavailable, UpstreamCause};

const PATH: &str = "/v1/billing_portal/configurations";
const MANAGED_BY: &str = "billing-portal";

/// How often a configuration is created, under a new key each time, when what comes back is not what was asked for.
const GENERATIONS: u32 = 3;

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
pub(crate) struct Verification {
    /// Stripe's id, `bpc_…`.
    pub id: String,
    /// Whether portals may be opened with it.
    pub ok: bool,
    /// What breaks the promise.
    pub violations: Vec<Violation>,
}

impl Stripe {
    /// Finds or creates the configuration, mends ours, and opens or closes the operation by the result.
    pub(crate) async fn keep_promise(&self) -> Result<Verification, Unavailable> {
        let began = self.clock.instant();
        let verification = self.ensure_configuration().await.inspect_err(|failure| {
            failure.log();
            // Stripe is there and does not show it, so what was verified may no longer be so.
            if !failure.cause.passes_by_itself() {
                self.promise.unknown();
            }
        })?;
        if verification.ok {
            self.promise.kept(&verification.id, began);
        } else {
            tracing::error!(
                event = "portal_configuration_violation",
                alert = true,
                upstream_cause = UpstreamCause::ConfigurationViolation.as_str(),
                configuration = verification.id,
                violations = verification.violations.join("; "),
            );
            self.promise.broken();
        }
        Ok(verification)
    }

    /// The configuration in use, as it is, without changing anything. None where ours was not created yet.
    pub(crate) async fn find_configuration(&self) -> Result<Option<Verification>, Unavailable> {
        let found = match &self.transport.settings().portal_configuration {
            Some(named) => Some(self.retrieve(named).await?),
            None => self.find_ours().await?,
        };
        Ok(found.map(|configuration| verify(&configuration)))
    }

    /// The configuration in use, created or mended where it is ours.
    pub(crate) async fn ensure_configuration(&self) -> Result<Verification, Unavailable> {
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
        if mended.ok {
            self.metrics.configuration_restored.inc();
            tracing::error!(
                event = "portal_configuration_restored",
                alert = true,
                configuration = verification.id,
                violations = verification.violations.join("; "),
                "our portal configuration had been changed and was restored"
            );
        }
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
            for one in configurations.iter().filter(|one| is_ours(one)) {
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

    /// The key follows from the content, so that two instances that start together are given the same one. What a key
    /// repeats may be of no use any more; then the next one has its turn, which all instances find in the same way.
    async fn create(&self) -> Result<Value, Unavailable> {
        let form = form([]);
        let content = Sha256::digest(format!("{form:?}"));
        let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
        let digest = content.iter().take(16).fold(String::new(), hex);
        for generation in 0..GENERATIONS {
            let key = format!("billing-portal-{digest}-{generation}");
            let call = Call::post(PATH, form.clone(), key);
            if let Some(created) = self.create_once(&call).await? {
                return Ok(created);
            }
        }
        Err(UpstreamCause::ConfigurationMissing.into())
    }

    /// Stripe repeats its first answer to a key for a day, also where that was a failure, or where somebody has changed
    /// since what was made: none then.
    async fn create_once(&self, call: &Call) -> Result<Option<Value>, Unavailable> {
        let created = self.ask("configurations", call, |answer| {
            Ok((require_success(answer)?, answer.replayed))
        });
        let created = match created.await {
            Ok((created, false)) => return Ok(Some(created)),
            Ok((created, true)) => created,
            Err(failure) if failure.replayed => return Ok(None),
            Err(failure) => return Err(failure),
        };
        match self
            .retrieve(created["id"].as_str().unwrap_or_default())
            .await
        {
            Ok(now) => Ok(Some(now).filter(|now| is_ours(now) && verify(now).ok)),
            Err(failure) if failure.cause == UpstreamCause::ConfigurationMissing => Ok(None),
            Err(failure) => Err(failure),
        }
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

fn is_ours(configuration: &Value) -> bool {
    configuration["metadata"]["managed_by"] == MANAGED_BY
}

/// Whether what the portal is for is on, and customers may change what they should and no more.
fn lacks_nothing(configuration: &Value) -> bool {
    let features = &configuration["features"];
    let all_on = PERMITTED
        .iter()
        .all(|name| features[name]["enabled"] == true);
    let updates = features["customer_update"]["allowed_updates"].as_array();
    let as_wanted = updates.is_none_or(|updates| {
        let allowed: BTreeSet<&str> = updates.iter().filter_map(Value::as_str).collect();
        let wanted = WANTED
            .iter()
            .filter(|(name, _)| name.contains("allowed_updates"));
        allowed == wanted.map(|(_, update)| *update).collect()
    });
    all_on && as_wanted
}
