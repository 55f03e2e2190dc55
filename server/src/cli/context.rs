//! What the commands work with: the configuration, the database and Stripe, each opened when a command needs it.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use super::report::print_error;
use crate::{
    clock::Clock,
    config::{Config, Problems, ServeConfig},
    service::StartError,
    store::{IfMissing, Store, StoreError},
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
    #[error("{0}; {remedy}", remedy = .0.remedy())]
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

/// The file and the variables of the configuration, the clock, and what a command reads and writes while it runs.
pub(super) struct Context<'a> {
    /// The configuration file that `--config` names.
    pub file: Option<PathBuf>,
    /// The environment.
    pub variables: BTreeMap<String, String>,
    /// The system's clock.
    pub clock: Clock,
    /// Standard input, for commands that take `-`.
    pub stdin: Mutex<&'a mut (dyn Read + Send)>,
    /// Standard error, for what cannot wait for the command's report.
    pub stderr: Mutex<&'a mut (dyn Write + Send)>,
}

impl Context<'_> {
    /// Standard input to its end. `InvalidData` if it has more than `max_bytes`.
    pub(super) fn read_stdin(&self, max_bytes: u64) -> io::Result<Vec<u8>> {
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        let mut input = Vec::new();
        // One byte more, so that longer input is noticed.
        (&mut **stdin).take(max_bytes + 1).read_to_end(&mut input)?;
        if input.len() as u64 > max_bytes {
            let problem = format!("more than {max_bytes} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(input)
    }

    /// Prints a line on standard error at once.
    pub(super) fn notify(&self, line: &str) {
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        print_error(line, &mut **stderr);
    }

    /// The settings. Each command validates those that it uses.
    pub(super) fn config(&self) -> Result<Config, Problems> {
        Config::load(self.file.as_deref(), self.variables.clone())
    }

    /// The settings, all of them validated for `serve`.
    pub(super) fn serve_config(&self) -> Result<ServeConfig, Problems> {
        Config::load_for_serving(self.file.as_deref(), self.variables.clone())
    }

    /// The same while the service runs, which must not wait for a file system that does not respond.
    pub(super) async fn reloaded_config(&self) -> Result<ServeConfig, Problems> {
        let (file, variables) = (self.file.clone(), self.variables.clone());
        let loading = tokio::task::spawn_blocking(move || {
            Config::load_for_serving(file.as_deref(), variables)
        });
        let loaded = loading.await;
        loaded.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
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

    /// The same, for the portal configuration of a profile, with its id if the database has one. Without the database the
    /// configuration is searched for at Stripe.
    pub(super) async fn stripe_with_configuration(
        &self,
        config: &Config,
        profile: Option<&str>,
    ) -> Result<Arc<Stripe>, CliError> {
        let stripe = Arc::new(self.stripe(config)?).for_profile(profile);
        let mode = config.mode()?;
        if let Ok(store) = self.store().await
            && let Ok(Some(id)) = store.portal_configuration(mode, profile).await
        {
            stripe.verification().set_managed_id(&id);
        }
        Ok(stripe)
    }

    /// Records the id of the service's own portal configuration. If the database cannot be written, `serve` records it.
    pub(super) async fn record_configuration(&self, config: &Config, stripe: &Stripe) {
        if let (Some(id), Ok(mode)) = (stripe.verification().managed_id(), config.mode())
            && let Ok(store) = self.store().await
        {
            let profile = stripe.profile_name();
            _ = store.record_portal_configuration(mode, profile, &id).await;
        }
    }

    /// The database, which must exist.
    pub(super) async fn store(&self) -> Result<Store, CliError> {
        self.open_store(IfMissing::Fail).await
    }

    /// The database, which is created if it does not exist.
    pub(super) async fn open_store(&self, if_missing: IfMissing) -> Result<Store, CliError> {
        let url = self.config()?.database_url()?;
        Ok(Store::open(url.expose(), if_missing).await?)
    }
}
