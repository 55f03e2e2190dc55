//! What the commands work with: the configuration, the database and Stripe, each opened when a command needs it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crate::{
    clock::Clock,
    config::{Config, Problems},
    service::StartError,
    store::{Store, StoreError},
    stripe::{Resolver, SetupError, Stripe, StripeError},
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error("{0}")]
    Configuration(#[from] Problems),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    StripeSetup(#[from] SetupError),
    #[error("Stripe: {cause} ({reason}); {remedy}", cause = .0.cause, reason = .0.reason, remedy = .0.cause.remedy())]
    Stripe(StripeError),
    #[error("{0}")]
    Other(String),
}

impl From<StripeError> for CliError {
    fn from(error: StripeError) -> Self {
        Self::Stripe(error)
    }
}

/// The file and the variables of the configuration, and the clock.
pub(super) struct Context {
    /// The configuration file that `--config` names.
    pub file: Option<PathBuf>,
    /// The environment.
    pub variables: BTreeMap<String, String>,
    /// The system's clock.
    pub clock: Clock,
}

impl Context {
    /// The settings. Each command validates those that it uses.
    pub(super) fn config(&self) -> Result<Config, Problems> {
        Config::load(self.file.as_deref(), self.variables.clone())
    }

    /// The settings, all of them validated for `serve`.
    pub(super) fn serving_config(&self) -> Result<Config, Problems> {
        Config::load_for_serving(self.file.as_deref(), self.variables.clone())
    }

    /// The settings as far as they are valid, and all problems. `None` if the file cannot be read.
    pub(super) fn readable_config(&self) -> (Option<Config>, Problems) {
        Config::read_for_serving(self.file.as_deref(), self.variables.clone())
    }

    /// Stripe, with the same settings as the service.
    pub(super) fn stripe(&self, config: &Config) -> Result<Stripe, CliError> {
        let (clock, metrics) = (self.clock.clone(), Arc::default());
        let resolver = Resolver::default();
        Ok(Stripe::new(config.stripe()?, clock, resolver, metrics)?)
    }

    /// The database.
    pub(super) async fn store(&self) -> Result<Store, CliError> {
        let url = self.config()?.database_url()?;
        Ok(Store::open(url.expose()).await?)
    }
}
