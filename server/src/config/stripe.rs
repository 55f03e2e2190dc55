//! Validates the settings about Stripe.

use url::Url;

use super::{
    Config, Environment, Problems, Settings,
    expected::{must_be, must_be_not, shown},
    profile_problems::require_profiles,
    serve_config::StripeConfig,
};
use crate::{
    ids::{Mode, is_stripe_id},
    return_url::{impossible_host, is_loopback},
};

impl Config {
    /// The deployment's mode: that of the Stripe secret.
    pub(crate) fn mode(&self) -> Result<Mode, Problems> {
        const SETTING: &str = "stripe_secret_key";
        self.require_read("stripe_secret_key")?;
        let mut problems = Problems::default();
        let Some(secret) = &self.settings.stripe_secret_key else {
            problems.add(SETTING, format!("is required; it {}", must_be(SETTING, "")));
            return Err(problems);
        };
        let has_prefix = |mode: Mode| {
            ["sk", "rk"].iter().any(|kind| {
                let prefix = format!("{kind}_{}_", mode.as_str());
                secret.expose().len() > prefix.len() && secret.expose().starts_with(&prefix)
            })
        };
        let mode = [Mode::Live, Mode::Test]
            .into_iter()
            .find(|mode| has_prefix(*mode));
        if mode.is_none() || !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            problems.add(SETTING, must_be(SETTING, secret.expose()));
        }
        problems.none_or(mode.unwrap_or(Mode::Test))
    }

    /// How Stripe is called.
    pub(crate) fn stripe(&self) -> Result<StripeConfig, Problems> {
        let settings = &self.settings;
        let mut problems = Problems::default();
        let mode = problems.collect(self.mode());
        if !is_acceptable_base(&settings.stripe_api_base, settings.environment) {
            let problem = must_be_not("stripe_api_base", &settings.stripe_api_base);
            problems.add("stripe_api_base", problem);
        }
        problems.collect(self.require_proxy());
        let configuration = settings.stripe_portal_configuration.as_ref();
        if let Some(id) = configuration.filter(|id| !is_stripe_id(id, "bpc_")) {
            const SETTING: &str = "stripe_portal_configuration";
            problems.add(SETTING, must_be_not(SETTING, id));
        }
        problems.collect(require_profiles(&settings.portal_profiles, configuration));
        problems.collect(require_portal_hosts(&settings.stripe_portal_hosts));
        problems.collect(require_metadata_key(settings));
        match (mode, settings.stripe_secret_key.clone()) {
            (Some(mode), Some(secret_key)) => problems.none_or(StripeConfig {
                secret_key,
                mode,
                api_base: settings.stripe_api_base.trim_end_matches('/').to_owned(),
                proxy: settings.stripe_proxy.clone(),
                portal_configuration: settings.stripe_portal_configuration.clone(),
                profiles: settings.portal_profiles.clone(),
                portal_hosts: settings.stripe_portal_hosts.clone(),
                allows_local_portal: settings.environment == Environment::Development,
                organization_metadata_key: settings.stripe_organization_metadata_key.clone(),
                max_in_flight: settings.stripe_max_in_flight,
                requests_per_second: settings.stripe_rate_limit,
            }),
            _ => Err(problems),
        }
    }

    fn require_proxy(&self) -> Result<(), Problems> {
        self.require_read("stripe_proxy")?;
        let mut problems = Problems::default();
        let proxy = self.settings.stripe_proxy.as_ref();
        if let Some(proxy) = proxy.filter(|proxy| !is_acceptable_proxy(proxy.expose())) {
            let problem = must_be("stripe_proxy", proxy.expose());
            problems.add("stripe_proxy", problem);
        }
        problems.none_or(())
    }
}

pub(super) fn require_account(settings: &Settings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let account = settings.stripe_account.as_ref();
    if let Some(id) = account.filter(|id| !is_stripe_id(id, "acct_")) {
        problems.add("stripe_account", must_be_not("stripe_account", id));
    }
    problems.none_or(())
}

/// Stripe's own rule for metadata keys.
fn require_metadata_key(settings: &Settings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let key = &settings.stripe_organization_metadata_key;
    if !(1..=40).contains(&key.chars().count()) || key.contains(['[', ']']) {
        const SETTING: &str = "stripe_organization_metadata_key";
        problems.add(SETTING, must_be_not(SETTING, key));
    }
    problems.none_or(())
}

pub(super) fn require_webhook_secrets(settings: &Settings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let is_secret = |text: &str| {
        let rest = text.strip_prefix("whsec_");
        rest.is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
        })
    };
    let mut secrets = settings.stripe_webhook_secret.iter();
    if let Some(wrong) = secrets.find(|secret| !is_secret(secret.expose())) {
        let problem = must_be("stripe_webhook_secret", wrong.expose());
        problems.add("stripe_webhook_secret", format!("each {problem}"));
    }
    problems.none_or(())
}

fn require_portal_hosts(hosts: &[String]) -> Result<(), Problems> {
    const SETTING: &str = "stripe_portal_hosts";
    let mut problems = Problems::default();
    if hosts.is_empty() {
        let problem = "must not be empty; Stripe's own host is billing.stripe.com";
        problems.add(SETTING, problem);
    }
    for host in hosts {
        let url = Url::parse(&format!("https://{host}/")).ok();
        let parsed = url.as_ref().and_then(Url::host);
        // The host alone, in the form in which it is compared.
        let parsed = parsed.filter(|parsed| parsed.to_string() == *host && !host.ends_with('.'));
        match parsed.as_ref().map(impossible_host) {
            None => problems.add(SETTING, must_be_not(SETTING, host)),
            Some(Some(reason)) => {
                let expected = must_be(SETTING, "");
                problems.add(SETTING, format!("{} {reason}; it {expected}", shown(host)));
            }
            Some(None) => {}
        }
    }
    problems.none_or(())
}

/// Stripe itself has https. A Stripe on this computer, or any that a developer uses, may have http.
fn is_acceptable_base(text: &str, environment: Environment) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let Some(host) = url.host() else {
        return false;
    };
    let http = environment == Environment::Development || is_loopback(&host);
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    plain && anonymous && (url.scheme() == "https" || (url.scheme() == "http" && http))
}

fn is_acceptable_proxy(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    url.scheme() == "http" && url.has_host() && plain && visible
}
