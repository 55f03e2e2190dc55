//! Validates the settings beyond their types, and parses them into the values that the service uses.

use std::time::Duration;

use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use super::serve_config::{EventRules, ServeConfig, StripeConfig};
use super::{Config, Environment, Problems, Secret, Settings};
use crate::{
    ids::{Mode, is_stripe_id},
    return_url::{AllowList, AllowedOrigin},
};

impl Config {
    /// Validates everything that `serve` needs. The error has all problems.
    pub(super) fn serve(&self) -> Result<ServeConfig, Problems> {
        let settings = &self.settings;
        let mut problems = Problems::default();
        let database_url = problems.collect(self.database_url());
        let stripe = problems.collect(self.stripe());
        problems.collect(self.require_read("stripe_webhook_secret"));
        problems.collect(require_webhook_secrets(settings));
        let allow_list = problems.collect(allow_list(settings));
        problems.collect(require_ranges(settings));
        problems.collect(require_account(settings));
        if settings.listen.port() != 0 && settings.listen == settings.operations_listen {
            problems.add("operations_listen", "must not be the API's address");
        }
        let log_filter = problems.collect(log_filter(settings));
        let (Some(database_url), Some(stripe), Some(allow_list), Some(log_filter)) =
            (database_url, stripe, allow_list, log_filter)
        else {
            return Err(problems);
        };
        problems.none_or(ServeConfig {
            event_rules: EventRules {
                mode: stripe.mode,
                account: settings.stripe_account.clone(),
                metadata_key: settings.stripe_organization_metadata_key.clone(),
            },
            database_url,
            stripe,
            allow_list,
            log_filter,
            environment: settings.environment,
            listen: settings.listen,
            operations_listen: settings.operations_listen,
            webhook_secrets: settings.stripe_webhook_secret.clone(),
            portal_url_ttl: seconds(settings.portal_url_ttl_seconds),
            requests_per_minute: settings.rate_limit_per_key,
            failed_auth_per_minute: settings.rate_limit_failed_auth,
            trusted_proxies: settings.trusted_proxies.clone(),
            max_in_flight: settings.max_in_flight as usize,
            max_connections: settings.max_connections,
            header_timeout: seconds(settings.header_timeout_seconds),
            body_timeout: seconds(settings.body_timeout_seconds),
            idle_timeout: seconds(settings.idle_timeout_seconds),
            shutdown_delay: seconds(settings.shutdown_delay_seconds),
            log_format: settings.log_format,
            warnings: self.warnings.clone(),
        })
    }

    /// The database's URL.
    pub(crate) fn database_url(&self) -> Result<Secret, Problems> {
        self.require_read("database_url")?;
        let mut problems = Problems::default();
        let url = self.settings.database_url.clone();
        let url = url.filter(|url| url.expose().starts_with("sqlite:"));
        if url.is_none() {
            problems.add(
                "database_url",
                "must be sqlite://FILE; other databases are not supported yet",
            );
        }
        url.ok_or(problems)
    }

    /// The deployment's mode: that of the Stripe secret.
    pub(crate) fn mode(&self) -> Result<Mode, Problems> {
        self.require_read("stripe_secret_key")?;
        let mut problems = Problems::default();
        let Some(secret) = &self.settings.stripe_secret_key else {
            problems.add("stripe_secret_key", "is required");
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
            problems.add(
                "stripe_secret_key",
                "must begin with sk_live_, rk_live_, sk_test_ or rk_test_",
            );
        }
        problems.none_or(mode.unwrap_or(Mode::Test))
    }

    /// How Stripe is called.
    pub(crate) fn stripe(&self) -> Result<StripeConfig, Problems> {
        let settings = &self.settings;
        let mut problems = Problems::default();
        let mode = problems.collect(self.mode());
        if !is_acceptable_base(&settings.stripe_api_base) {
            problems.add(
                "stripe_api_base",
                "must be an https URL, or http on a loopback address, without path or credentials",
            );
        }
        let configuration = settings.stripe_portal_configuration.as_ref();
        if configuration.is_some_and(|id| !is_stripe_id(id, "bpc_")) {
            let problem = "must be a configuration's id, bpc_…";
            problems.add("stripe_portal_configuration", problem);
        }
        problems.collect(require_portal_hosts(&settings.stripe_portal_hosts));
        problems.collect(require_metadata_key(settings));
        match (mode, settings.stripe_secret_key.clone()) {
            (Some(mode), Some(secret_key)) => problems.none_or(StripeConfig {
                secret_key,
                mode,
                api_base: settings.stripe_api_base.trim_end_matches('/').to_owned(),
                portal_configuration: settings.stripe_portal_configuration.clone(),
                portal_hosts: settings.stripe_portal_hosts.clone(),
                organization_metadata_key: settings.stripe_organization_metadata_key.clone(),
                max_in_flight: settings.stripe_max_in_flight,
                requests_per_second: settings.stripe_rate_limit,
            }),
            _ => Err(problems),
        }
    }
}

fn require_account(settings: &Settings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let account = settings.stripe_account.as_ref();
    if account.is_some_and(|id| !is_stripe_id(id, "acct_")) {
        problems.add("stripe_account", "must be an account's id, acct_…");
    }
    problems.none_or(())
}

/// Stripe's own rule for metadata keys.
fn require_metadata_key(settings: &Settings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let key = &settings.stripe_organization_metadata_key;
    if !(1..=40).contains(&key.chars().count()) || key.contains(['[', ']']) {
        let problem = "must be a metadata key: 1 to 40 characters without [ and ]";
        problems.add("stripe_organization_metadata_key", problem);
    }
    problems.none_or(())
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

fn log_filter(settings: &Settings) -> Result<EnvFilter, Problems> {
    let mut problems = Problems::default();
    let filter = settings.log.parse::<EnvFilter>();
    let filter = filter.map_err(|error| problems.add("log", error.to_string()));
    filter.map_err(|()| problems)
}

fn require_webhook_secrets(settings: &Settings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let is_secret = |text: &str| {
        let rest = text.strip_prefix("whsec_").unwrap_or_default();
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let mut secrets = settings.stripe_webhook_secret.iter();
    if secrets.any(|secret| !is_secret(secret.expose())) {
        let problem = "each must begin with whsec_ and have no white space";
        problems.add("stripe_webhook_secret", problem);
    }
    problems.none_or(())
}

fn require_portal_hosts(hosts: &[String]) -> Result<(), Problems> {
    let mut problems = Problems::default();
    if hosts.is_empty() {
        problems.add("stripe_portal_hosts", "must name at least one host");
    }
    for host in hosts {
        let url = Url::parse(&format!("https://{host}/"));
        if !url.is_ok_and(|url| url.host_str() == Some(host)) {
            problems.add("stripe_portal_hosts", format!("{host:?} is not a host"));
        }
    }
    problems.none_or(())
}

fn allow_list(settings: &Settings) -> Result<AllowList, Problems> {
    let mut problems = Problems::default();
    let development = settings.environment == Environment::Development;
    if settings.return_url_allow_list.is_empty() && !development {
        problems.add("return_url_allow_list", "must not be empty in production");
    }
    let mut origins = Vec::new();
    for entry in &settings.return_url_allow_list {
        match AllowedOrigin::parse(entry, development) {
            Ok(origin) => origins.push(origin),
            Err(problem) => problems.add("return_url_allow_list", format!("{entry:?} {problem}")),
        }
    }
    problems.none_or(AllowList::new(origins, development))
}

/// The ranges that the schema declares.
fn require_ranges(settings: &Settings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    if !(60..=3600).contains(&settings.portal_url_ttl_seconds) {
        problems.add("portal_url_ttl_seconds", "must be 60 to 3600");
    }
    let positive = [
        ("stripe_max_in_flight", settings.stripe_max_in_flight),
        ("max_in_flight", settings.max_in_flight),
        ("max_connections", settings.max_connections),
        ("header_timeout_seconds", settings.header_timeout_seconds),
        ("body_timeout_seconds", settings.body_timeout_seconds),
        ("idle_timeout_seconds", settings.idle_timeout_seconds),
    ];
    for (setting, _) in positive.into_iter().filter(|(_, value)| *value == 0) {
        problems.add(setting, "must be at least 1");
    }
    problems.none_or(())
}

fn is_acceptable_base(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let loopback = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    plain && anonymous && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}
