//! Ensures that plans cannot be changed in the portal: finds or creates one portal configuration and verifies it. Every
//! session is opened with it.
//!
//! The configuration that the service created is retrieved by its id, which the database keeps. It is also marked by
//! metadata, by which it is searched for if its id is not known. If someone changes it, the service restores it. A
//! configuration that the operator named is only verified: while it allows plan changes, no portal is opened.

use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    call::Call,
    cause::UpstreamCause,
    client::Stripe,
    configuration_rules::{Verification, form, id_of, is_complete, is_current, is_managed, verify},
    error::StripeError,
    response::StripeResponse,
};

/// Stripe's path for portal configurations.
const PATH: &str = "/v1/billing_portal/configurations";

/// Configurations on a page: Stripe's maximum.
const PAGE_SIZE: usize = 100;
/// The pages that a search reads at most. An account has a few configurations; one that creates them by program can have
/// thousands.
const MAX_PAGES: usize = 100;

/// How often creation is tried, each time with a new idempotency key, if the result cannot be used. Stripe repeats a
/// failure for a day, so each further key is needed only once a day at most.
const MAX_GENERATIONS: u32 = 3;

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
                profile = self.profile_name(),
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
        let found = match self.named_configuration() {
            Some(named) => Some(self.retrieve(named).await?),
            None => self.find_managed().await?,
        };
        Ok(found.map(|configuration| verify(&configuration)))
    }

    /// The configuration in use, created or restored if the service manages it.
    pub(crate) async fn ensure_configuration(&self) -> Result<Verification, StripeError> {
        if let Some(named) = self.named_configuration() {
            return Ok(verify(&self.retrieve(named).await?));
        }
        let verification = self.ensure_managed().await?;
        if !verification.id.is_empty() {
            self.verification.set_managed_id(&verification.id);
        }
        Ok(verification)
    }

    async fn ensure_managed(&self) -> Result<Verification, StripeError> {
        let Some(managed) = self.find_managed().await? else {
            return Ok(verify(&self.create().await?));
        };
        let verification = verify(&managed);
        let is_unchanged = verification.ok && is_complete(&managed, &self.profile);
        if is_unchanged && is_current(&managed, &self.profile) {
            return Ok(verification);
        }
        let restored = verify(&self.restore(&verification.id).await?);
        if is_unchanged {
            // What the portal shows is other than in the settings, which may have changed since.
            tracing::info!(
                event = "portal_configuration_updated",
                profile = self.profile_name(),
                configuration = verification.id,
            );
        } else if restored.ok {
            self.metrics.configuration_restored.inc();
            tracing::error!(
                event = "portal_configuration_restored",
                alert = true,
                profile = self.profile_name(),
                configuration = verification.id,
                violations = verification.violations.join("; "),
                "our portal configuration had been changed and was restored"
            );
        }
        Ok(restored)
    }

    async fn retrieve(&self, id: &str) -> Result<Value, StripeError> {
        let call = Call::get(format!("{PATH}/{id}"));
        self.call_about(id, &call).await
    }

    /// A call about one configuration. Its response must be that configuration.
    async fn call_about(&self, id: &str, call: &Call) -> Result<Value, StripeError> {
        self.call_and_read("configurations", call, |response| {
            let configuration = require_success(response)?;
            if id_of(&configuration) == Some(id) {
                Ok(configuration)
            } else {
                let cause = UpstreamCause::InvalidResponse;
                Err(response.failure(cause, "configuration_mismatch"))
            }
        })
        .await
    }

    /// The configuration that the service created: by its id, or else by a search.
    async fn find_managed(&self) -> Result<Option<Value>, StripeError> {
        let Some(id) = self.verification.managed_id() else {
            return self.search().await;
        };
        match self.retrieve(&id).await {
            // The secret key may be one of another account now.
            Err(error) if error.cause == UpstreamCause::ConfigurationMissing => self.search().await,
            found => found.map(Some),
        }
    }

    /// Searches for a configuration with the service's mark: an active one, or else one that someone deactivated. No page
    /// is read twice, whatever Stripe returns.
    async fn search(&self) -> Result<Option<Value>, StripeError> {
        let (mut after, mut read, mut deactivated) = (String::new(), HashSet::new(), None);
        for _ in 0..MAX_PAGES {
            let call = Call::list(list_path(&after));
            let page = self.call_and_read("configurations", &call, require_success);
            let page = page.await?;
            let configurations = page["data"]
                .as_array()
                .ok_or(UpstreamCause::InvalidResponse)?;
            let managed = |one: &&Value| is_managed(one, &self.profile) && id_of(one).is_some();
            for one in configurations.iter().filter(managed) {
                if one["active"] == true {
                    return Ok(Some(one.clone()));
                }
                deactivated.get_or_insert_with(|| one.clone());
            }
            match configurations.last().and_then(|last| last["id"].as_str()) {
                Some(last) if page["has_more"] == true => last.clone_into(&mut after),
                _ => break,
            }
            if !read.insert(after.clone()) {
                return Err(StripeError {
                    reason: "repeated_page".to_owned(),
                    ..UpstreamCause::InvalidResponse.into()
                });
            }
        }
        Ok(deactivated)
    }

    /// Creates it. The idempotency key is derived from the content, so that two instances that start together get the same
    /// configuration. If the result that Stripe repeats for a key cannot be used, the next generation's key is tried, in
    /// the same order by all instances.
    async fn create(&self) -> Result<Value, StripeError> {
        let form = form(&self.profile, []);
        let content = Sha256::digest(format!("{form:?}"));
        let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
        let digest = content.iter().take(16).fold(String::new(), hex);
        for generation in 0..MAX_GENERATIONS {
            let key = format!("billing-portal-{digest}-{generation}");
            let call = Call::post(PATH, &form, key);
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
        match self.retrieve(id_of(&created).unwrap_or_default()).await {
            Ok(now) => Ok(Some(now).filter(|now| is_managed(now, &self.profile) && verify(now).ok)),
            Err(error) if error.cause == UpstreamCause::ConfigurationMissing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Restores the service's own configuration. The key is new each time, so that Stripe executes every restore.
    async fn restore(&self, id: &str) -> Result<Value, StripeError> {
        let key = self.clock.ulid().to_string();
        let path = format!("{PATH}/{id}");
        let call = Call::post(path, form(&self.profile, [("active", "true")]), key);
        self.call_about(id, &call).await
    }
}

/// The path of the page after the configuration of this id; `""`: of the first page.
fn list_path(after: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &PAGE_SIZE.to_string());
    if !after.is_empty() {
        query.append_pair("starting_after", after);
    }
    format!("{PATH}?{}", query.finish())
}

fn require_success(response: &StripeResponse) -> Result<Value, StripeError> {
    // The configuration's id is in the path, so Stripe calls the parameter `id`.
    if response.is_missing("id") && !response.is_of_other_mode() {
        return Err(response.failure(UpstreamCause::ConfigurationMissing, "configuration"));
    }
    response.success()
}
