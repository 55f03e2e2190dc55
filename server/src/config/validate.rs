//! Validates the settings beyond their types, and parses them into the values that the service uses.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tracing_subscriber::EnvFilter;

use super::{
    Config, Environment, Problems, Secret, ServeConfig, Settings,
    expected::{must_be, must_be_not, quotes_hint, shown},
    log_filter,
    serve_config::{EventRules, StripeConfig},
    stripe::{require_account, require_webhook_secrets},
};
use crate::{
    return_url::{AllowList, AllowedOrigin},
    store,
};

/// How the URL of a database begins.
const DATABASE_SCHEMES: [&str; 3] = ["sqlite:", "postgres:", "postgresql:"];

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
        problems.collect(self.require_otlp_endpoint());
        if overlap(settings.listen, settings.operations_listen) {
            let problem = "must not be the API's address and port; another port is enough";
            problems.add("operations_listen", problem);
        }
        let log_filter = problems.collect(log_filter(settings));
        let (Some(database_url), Some(stripe), Some(allow_list), Some(log_filter)) =
            (database_url, stripe, allow_list, log_filter)
        else {
            return Err(problems);
        };
        problems.none_or(self.serve_config(database_url, stripe, allow_list, log_filter))
    }

    /// The settings with those that had to be parsed.
    fn serve_config(
        &self,
        database_url: Secret,
        stripe: StripeConfig,
        allow_list: AllowList,
        log_filter: EnvFilter,
    ) -> ServeConfig {
        let settings = &self.settings;
        ServeConfig {
            settings: Arc::new(settings.clone()),
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
            max_connections_per_peer: settings.max_connections_per_peer,
            header_timeout: seconds(settings.header_timeout_seconds),
            body_timeout: seconds(settings.body_timeout_seconds),
            idle_timeout: seconds(settings.idle_timeout_seconds),
            shutdown_delay: seconds(settings.shutdown_delay_seconds),
            otlp_endpoint: settings.otlp_endpoint.clone(),
            log_format: settings.log_format,
            warnings: self.warnings.clone(),
        }
    }

    /// The database's URL.
    pub(crate) fn database_url(&self) -> Result<Secret, Problems> {
        self.require_read("database_url")?;
        let mut problems = Problems::default();
        let url = self.settings.database_url.as_ref();
        let written = url.map_or("", Secret::expose);
        let is_known = DATABASE_SCHEMES
            .iter()
            .any(|scheme| written.starts_with(scheme));
        let Some(url) = url.filter(|_| is_known).cloned() else {
            problems.add("database_url", must_be("database_url", written));
            return Err(problems);
        };
        if let Err(problem) = store::check_url(url.expose()) {
            problems.add("database_url", problem);
        }
        problems.none_or(url)
    }
}

/// Whether two listeners cannot both be opened. Port 0 is a free port of the system's choice.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (one.ip() == other.ip() || is_any)
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

fn log_filter(settings: &Settings) -> Result<EnvFilter, Problems> {
    log_filter::parse(&settings.log).map_err(|wrong| {
        let mut problems = Problems::default();
        for one in wrong {
            problems.add("log", one);
        }
        problems
    })
}

fn allow_list(settings: &Settings) -> Result<AllowList, Problems> {
    const SETTING: &str = "return_url_allow_list";
    let mut problems = Problems::default();
    let development = settings.environment == Environment::Development;
    if settings.return_url_allow_list.is_empty() && !development {
        let problem = "must not be empty in production; list the origins of your pages, such as \
                       https://app.example.com";
        problems.add(SETTING, problem);
    }
    let mut origins = Vec::new();
    for entry in &settings.return_url_allow_list {
        match AllowedOrigin::parse(entry, development) {
            Ok(origin) => origins.push(origin),
            Err(problem) => {
                let (entry, quotes) = (shown(entry), quotes_hint(entry));
                let problem = format!("{entry} {problem}{quotes}; {}", must_be(SETTING, ""));
                problems.add(SETTING, problem);
            }
        }
    }
    problems.none_or(AllowList::new(origins, development))
}

/// The ranges that the schema declares.
fn require_ranges(settings: &Settings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let schema = Config::schema();
    let values = serde_json::to_value(settings).expect("settings are plain values");
    for (setting, value) in values.as_object().into_iter().flatten() {
        let property = &schema["properties"][setting];
        let bound = |name: &str| property[name].as_u64();
        let Some(value) = value.as_u64() else {
            continue;
        };
        let is_low = bound("minimum").is_some_and(|minimum| value < minimum);
        if is_low || bound("maximum").is_some_and(|maximum| value > maximum) {
            problems.add(setting, must_be_not(setting, &value.to_string()));
        }
    }
    problems.none_or(())
}
