//! The checks that call Stripe. They never show Stripe's texts, only our names of causes.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::TimeDelta;

use super::{check::Check, settings};
use crate::cli::context::{CliError, Context};
use crate::{
    config::{Config, DEFAULT_PROFILE},
    ids::Mode,
    stripe::{Probe, Stage, StripeError, UpstreamCause, Verification},
};

const REACHABLE: &str = "stripe_reachable";
const CLOCK: &str = "clock";
const NOT_CREATED: &str = "not created yet: serve creates it at start";

/// How far our clock may be from Stripe's.
const TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// Stripe's responses, and the settings with which Stripe was called.
pub(super) struct Asked {
    probe: Probe,
    /// The configurations of the profiles, by their names.
    profiles: BTreeMap<String, Result<Option<Verification>, StripeError>>,
    mode: Mode,
    api_base: String,
    named: Option<String>,
}

/// Why Stripe was not called.
pub(super) enum NotAsked {
    /// The check of this name failed before.
    After(&'static str),
    /// The settings are valid, and no client could be made of them: what is wrong, and what to do.
    NoClient(String, &'static str),
}

impl From<CliError> for NotAsked {
    fn from(error: CliError) -> Self {
        match error {
            CliError::StripeSetup(error) => Self::NoClient(error.to_string(), error.remedy()),
            _ => Self::After(settings::CONFIGURATION),
        }
    }
}

/// Calls Stripe.
pub(super) async fn ask(context: &Context<'_>, config: &Config) -> Result<Asked, NotAsked> {
    let settings = config.stripe().map_err(CliError::from)?;
    let stripe = context.stripe_with_configuration(config, None).await?;
    let probe = stripe.probe().await;
    let mut profiles = BTreeMap::new();
    // If Stripe does not respond, skip the next calls: each may take ten seconds.
    let names = profile_names(Some(config)).into_iter();
    for name in names.filter(|_| failed_stage(&probe) != Some(Stage::Reached)) {
        let stripe = context
            .stripe_with_configuration(config, Some(&name))
            .await?;
        profiles.insert(name, stripe.find_configuration().await);
    }
    Ok(Asked {
        probe,
        profiles,
        mode: settings.mode,
        api_base: settings.api_base,
        named: settings.portal_configuration,
    })
}

/// The names of the profiles that have a configuration beside the default one.
pub(super) fn profile_names(config: Option<&Config>) -> Vec<String> {
    let profiles = config.map(|config| config.settings().portal_profiles.keys());
    let names = profiles.into_iter().flatten();
    names
        .filter(|name| *name != DEFAULT_PROFILE)
        .cloned()
        .collect()
}

/// The first stage at which a call of the probe has failed.
fn failed_stage(probe: &Probe) -> Option<Stage> {
    let failures = [
        probe.configuration.as_ref().err(),
        probe.session.as_ref().err(),
    ];
    let stages = failures.into_iter().flatten();
    stages.map(|failure| Stage::of(failure.cause)).min()
}

/// Every check that needs Stripe's responses, with one for each of these profiles.
pub(super) fn checks(asked: Result<Asked, NotAsked>, profiles: &[String]) -> Vec<Check> {
    let stages = [
        Stage::Reached,
        Stage::Credentials,
        Stage::Permission,
        Stage::Mode,
        Stage::Configuration,
    ];
    match asked {
        Ok(asked) => {
            let checks = stages.map(|stage| asked.check(stage));
            let profiles = profiles.iter().map(|name| asked.profile(name));
            let checks = checks.into_iter().chain([asked.clock()]);
            checks.chain(profiles).collect()
        }
        Err(reason) => {
            let names = stages.map(name).into_iter().chain([CLOCK]);
            let names = names.map(Cow::from);
            let names = names.chain(profiles.iter().map(|name| profile_check(name).into()));
            names.map(|name| reason.check(name)).collect()
        }
    }
}

impl NotAsked {
    fn check(&self, name: Cow<'static, str>) -> Check {
        match self {
            Self::After(blocking_check) => Check::skipped(name, blocking_check),
            Self::NoClient(detail, fix) if name == REACHABLE => Check::failed(name, detail, *fix),
            Self::NoClient(..) => Check::skipped(name, REACHABLE),
        }
    }
}

/// The check is named after the table of the profile's settings.
fn profile_check(profile: &str) -> String {
    format!("portal_profiles.{profile}")
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Reached => REACHABLE,
        Stage::Credentials => "stripe_credentials",
        Stage::Permission => "stripe_permission",
        Stage::Mode => "stripe_mode",
        Stage::Configuration => "portal_configuration",
    }
}

impl Asked {
    /// A stage is failed by the call that stopped there, and passed by calls that came further.
    fn check(&self, stage: Stage) -> Check {
        let configuration = self.probe.configuration.as_ref().err();
        let session = self.probe.session.as_ref().err();
        let name = name(stage);
        let mut failures = configuration.into_iter().chain(session);
        if let Some(failure) = failures.find(|failure| Stage::of(failure.cause) == stage) {
            let detail = format!("{} ({})", self.failure(stage), word(failure));
            return Check::failed(name, detail, failure.cause.remedy());
        }
        // Only the call for the configuration shows whether mode and configuration are right.
        let shown_by_session = session.filter(|_| stage <= Stage::Permission);
        let stopped = [configuration, shown_by_session].into_iter().flatten();
        let first = stopped.map(|failure| Stage::of(failure.cause)).min();
        match first.filter(|first| *first < stage) {
            Some(first) => Check::skipped(name, self::name(first)),
            None => self.passed(stage),
        }
    }

    fn failure(&self, stage: Stage) -> String {
        let mode = self.mode.as_str();
        match stage {
            Stage::Reached => format!("{} returned an unusable response", self.api_base),
            Stage::Credentials => "Stripe does not accept stripe_secret_key".to_owned(),
            Stage::Permission => {
                "Stripe does not allow the key to create portal sessions".to_owned()
            }
            Stage::Mode => {
                format!("stripe_secret_key is of {mode} mode; the object is of the other mode")
            }
            Stage::Configuration => match &self.named {
                Some(named) => format!("Stripe does not know {named}"),
                None => "Stripe does not know the portal configuration".to_owned(),
            },
        }
    }

    fn passed(&self, stage: Stage) -> Check {
        let name = name(stage);
        match (stage, &self.probe.configuration) {
            (Stage::Reached, _) => Check::passed(name, format!("{} answers", self.api_base)),
            (Stage::Credentials, _) => Check::passed(name, "Stripe accepts the key"),
            (Stage::Permission, _) => Check::passed(name, "the key may create portal sessions"),
            (Stage::Mode, _) => Check::passed(
                name,
                format!("everything is of {} mode", self.mode.as_str()),
            ),
            (Stage::Configuration, Ok(Some(verification))) => {
                self.configuration(name, verification)
            }
            (Stage::Configuration, _) => Check::passed(name, NOT_CREATED),
        }
    }

    /// Whether the default configuration changes no plans.
    fn configuration(&self, name: &'static str, verification: &Verification) -> Check {
        match self.named {
            Some(_) => verdict(
                name,
                verification,
                UpstreamCause::ConfigurationViolation.remedy(),
            ),
            None => verdict(
                name,
                verification,
                "run billing-portal portal-config ensure, and find out who changed it",
            ),
        }
    }

    /// Whether the configuration of a profile changes no plans. It depends on the same stages as the default one.
    fn profile(&self, profile: &str) -> Check {
        let name = profile_check(profile);
        let before = failed_stage(&self.probe).filter(|stage| *stage < Stage::Configuration);
        match (self.profiles.get(profile), before) {
            (Some(Ok(Some(verification))), None) => {
                let fix = format!(
                    "run billing-portal portal-config ensure --profile {profile}, and find out who changed it"
                );
                verdict(name, verification, &fix)
            }
            (Some(Ok(None)), None) => Check::passed(name, NOT_CREATED),
            (Some(Err(failure)), None) => {
                let detail = format!(
                    "the portal configuration cannot be read ({})",
                    word(failure)
                );
                Check::failed(name, detail, failure.cause.remedy())
            }
            (_, stage) => Check::skipped(name, self::name(stage.unwrap_or(Stage::Reached))),
        }
    }

    /// Signatures of webhooks, expiry of keys and `expires_at` depend on this host's clock.
    fn clock(&self) -> Check {
        let reached = self.check(Stage::Reached);
        match self.probe.clock_ahead {
            None if !reached.ok => Check::skipped(CLOCK, REACHABLE),
            None => Check::passed(CLOCK, "not compared: Stripe's response has no date"),
            Some(ahead) if ahead.abs() <= TOLERANCE => {
                Check::passed(CLOCK, "within a minute of Stripe's")
            }
            Some(ahead) => {
                let side = if ahead > TimeDelta::zero() {
                    "ahead of"
                } else {
                    "behind"
                };
                let detail = format!(
                    "about {} s {side} Stripe's",
                    (ahead.abs().num_seconds() + 5) / 10 * 10
                );
                let fix = "synchronize this host's clock with NTP: otherwise webhooks are refused, and keys and portal \
                           URLs expire at the wrong time";
                Check::failed(CLOCK, detail, fix)
            }
        }
    }
}

/// Whether a configuration changes no plans, and what to do if it does.
fn verdict(name: impl Into<Cow<'static, str>>, verification: &Verification, fix: &str) -> Check {
    let Verification { id, ok, violations } = verification;
    if *ok {
        return Check::passed(name, format!("{id}: plans cannot be changed"));
    }
    let cause = UpstreamCause::ConfigurationViolation;
    let detail = format!("{id}: {} ({cause})", violations.join("; "));
    Check::failed(name, detail, fix)
}

/// The cause, with its reason if that is a word of this service: a status, or what is wrong with a response.
fn word(failure: &StripeError) -> String {
    let cause = failure.cause;
    let ours = matches!(
        cause,
        UpstreamCause::ServerError | UpstreamCause::InvalidResponse
    );
    if ours && failure.reason != cause.as_str() {
        format!("{cause}: {}", failure.reason)
    } else {
        cause.to_string()
    }
}
