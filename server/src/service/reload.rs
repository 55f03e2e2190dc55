//! Applies other settings while the service runs. Requests in progress keep those that they began with.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::sync::Semaphore;

use super::{Service, trusted_proxies, warn_about_unusual_settings};
use crate::{
    app::App,
    config::{Problem, Problems, ServeConfig},
    log, ports,
    stripe::{Stripe, StripeError},
    traces::Traces,
};

/// How long the portal configuration's verification with other settings may take: a call takes 10 s at most, and usually
/// one is enough.
const VERIFICATION_TIMEOUT: Duration = Duration::from_secs(15);

/// What a reload makes before it applies anything.
struct Parts {
    stripe: Arc<Stripe>,
    traces: Traces,
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// The generation of the settings that is in use now.
    pub generation: u64,
    /// The settings that differ from those before. Those that need a restart are among them, and not in use.
    pub changed: BTreeSet<String>,
    /// The settings that differ from those at start and are not in use before a restart.
    pub restart_needed: BTreeSet<String>,
}

impl Service {
    /// The generation of the settings in use: 1 at start, and one more after each reload.
    pub fn generation(&self) -> u64 {
        self.current.borrow().generation
    }

    /// Uses these settings for the requests that arrive from now on. The error says why the settings before stay in
    /// use; it is also logged as an alert.
    pub async fn reload(
        &mut self,
        loaded: Result<ServeConfig, Problems>,
    ) -> Result<Reloaded, Problems> {
        let applied = match loaded {
            Ok(config) => self.apply(config).await,
            Err(problems) => Err(problems),
        };
        self.current.borrow().metrics.reload(applied.is_ok());
        match &applied {
            // With `alert`, though false: what changes the service's rules is logged at every level.
            Ok(reloaded) => tracing::info!(
                event = "settings_reloaded",
                alert = false,
                generation = reloaded.generation,
                changed = list(&reloaded.changed),
                restart_needed = list(&reloaded.restart_needed),
            ),
            Err(problems) => tracing::error!(
                event = "reload_refused",
                alert = true,
                generation = self.generation(),
                problems = problems.to_string(),
                "the settings are wrong; those before stay in use"
            ),
        }
        applied
    }

    async fn apply(&mut self, config: ServeConfig) -> Result<Reloaded, Problems> {
        require_same_mode(&self.config, &config)?;
        let changed = self.config.settings.changed(&config.settings);
        let app = Arc::clone(&self.current.borrow());
        let stripe = self.stripe_with(&app.stripe, &config, &changed).await?;
        let traces = self.traces_with(&app.traces, &config)?;
        let was_tried = !self.config.stripe.is_same_but_for_limits(&config.stripe);
        let app = Arc::new(next_generation(
            &app,
            &self.config,
            &config,
            Parts { stripe, traces },
        ));
        // From here on nothing waits or fails, so that the settings are applied all together.
        log::set_filter(config.log_filter.clone());
        self.api.set_timeouts(ports::timeouts(&config));
        self.operations.set_timeouts(ports::timeouts(&config));
        self.api_places.set_limits(ports::api_limits(&config, &app));
        self.current.send_replace(Arc::clone(&app));
        if was_tried {
            // The task that verifies records the configuration's id, and follows what Stripe reported meanwhile.
            app.stripe.verification().recheck.notify_one();
        }
        warn_about_unusual_settings(&config);
        let restart_needed = self.started_with.changed_until_restart(&config.settings);
        *self.config = config;
        Ok(Reloaded {
            generation: app.generation,
            changed,
            restart_needed,
        })
    }

    /// Traces with these settings. What waits for the collector of the settings before is still sent to it.
    fn traces_with(&self, traces: &Traces, config: &ServeConfig) -> Result<Traces, Problems> {
        if self.config.otlp_endpoint == config.otlp_endpoint {
            return Ok(traces.clone());
        }
        let successor = traces.successor(config.otlp_endpoint.as_ref());
        successor.map_err(|error| problem_with("otlp_endpoint", error.to_string()))
    }

    /// Stripe with these settings. If a call could be answered otherwise with them, the portal configuration is verified
    /// first: a secret key that Stripe refuses must not replace one that works.
    async fn stripe_with(
        &self,
        stripe: &Arc<Stripe>,
        config: &ServeConfig,
        changed: &BTreeSet<String>,
    ) -> Result<Arc<Stripe>, Problems> {
        let (old, new) = (&self.config.stripe, &config.stripe);
        if old == new {
            return Ok(Arc::clone(stripe));
        }
        if old.is_same_but_for_limits(new) {
            return Ok(Arc::new(stripe.with_limits(new)));
        }
        let refused = |problem: String| {
            let setting = |name: &&String| name.starts_with("stripe_");
            let settings: Vec<&str> = changed.iter().filter(setting).map(String::as_str).collect();
            problem_with(&settings.join(", "), problem)
        };
        let successor = stripe.successor(new.clone(), self.resolver.clone());
        let successor =
            Arc::new(successor.map_err(|error| refused(format!("{error}; {}", error.remedy())))?);
        let verifying =
            tokio::time::timeout(VERIFICATION_TIMEOUT, successor.verify_configuration());
        match verifying.await {
            Ok(Ok(verification)) if verification.ok => {
                successor.verify_other_profiles(VERIFICATION_TIMEOUT).await;
                Ok(successor)
            }
            Ok(Ok(verification)) => {
                let violations = verification.violations.join("; ");
                Err(refused(format!(
                    "the portal configuration {} is not verified: {violations}",
                    verification.id
                )))
            }
            Ok(Err(error)) => Err(refused(text_of(&error))),
            Err(_) => Err(refused("Stripe did not answer in time".to_owned())),
        }
    }
}

/// The keys of callers and the ids of customers belong to one mode.
fn require_same_mode(old: &ServeConfig, new: &ServeConfig) -> Result<(), Problems> {
    let (old, new) = (old.stripe.mode, new.stripe.mode);
    if old == new {
        return Ok(());
    }
    let (old, new) = (old.as_str(), new.as_str());
    Err(problem_with(
        "stripe_secret_key",
        format!(
            "is of mode {new}, and the service runs in mode {old}; restart it to change the mode"
        ),
    ))
}

/// The state with other settings. What is not a setting is shared with the state before.
fn next_generation(app: &App, old: &ServeConfig, new: &ServeConfig, parts: Parts) -> App {
    let request_permits = if old.max_in_flight == new.max_in_flight {
        Arc::clone(&app.request_permits)
    } else {
        Arc::new(Semaphore::new(new.max_in_flight))
    };
    App {
        generation: app.generation + 1,
        allow_list: new.allow_list.clone(),
        authenticator: app.authenticator.with_limits(old, new),
        trusted_proxies: trusted_proxies(new, &app.metrics),
        stripe: parts.stripe,
        traces: parts.traces,
        portal_url_ttl: new.portal_url_ttl,
        body_timeout: new.body_timeout,
        request_permits,
        webhook_secrets: new.webhook_secrets.clone(),
        event_rules: new.event_rules.clone(),
        ..app.clone()
    }
}

fn text_of(error: &StripeError) -> String {
    let StripeError { cause, reason, .. } = error;
    let remedy = cause.remedy();
    format!("the portal configuration cannot be verified: {cause} ({reason}); {remedy}")
}

fn problem_with(setting: &str, problem: String) -> Problems {
    Problems(vec![Problem {
        setting: setting.to_owned(),
        problem,
    }])
}

fn list(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(", ")
}
