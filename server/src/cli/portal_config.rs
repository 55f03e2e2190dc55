//! `portal-config`: the portal configuration at Stripe, which must not allow plan changes.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    context::{CliError, Context},
    report::Report,
};
use crate::{
    config::{Config, DEFAULT_PROFILE},
    stripe::Verification,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the configuration in use and its violations; changes nothing
    Show(Which),
    /// Find or create the configuration, and restore it if the service manages it
    Ensure(Which),
    /// Like show, for scripts: exit status 1 on a violation
    Verify(Which),
}

/// Which configuration a command is about.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The portal profile whose configuration it is [default: that of organizations without a profile]
    #[arg(long)]
    profile: Option<String>,
}

/// A portal configuration as the commands print it.
#[derive(Serialize)]
struct ConfigurationView {
    id: String,
    ok: bool,
    violations: Vec<String>,
}

pub(super) async fn execute(command: Command, context: &Context<'_>) -> Result<Report, CliError> {
    let config = context.config()?;
    let (Command::Show(which) | Command::Ensure(which) | Command::Verify(which)) = &command;
    let profile = known_profile(&config, which)?;
    let stripe = context.stripe_with_configuration(&config, profile).await?;
    let verification = match command {
        Command::Ensure(_) => {
            let ensured = stripe.ensure_configuration().await?;
            context.record_configuration(&config, &stripe).await;
            ensured
        }
        Command::Show(_) | Command::Verify(_) => {
            let found = stripe.find_configuration().await?;
            found.ok_or_else(|| CliError::Other(NONE_YET.to_owned()))?
        }
    };
    let text = line(&verification);
    let Verification { id, ok, violations } = verification;
    let view = ConfigurationView { id, ok, violations };
    Ok(Report {
        failed: !ok,
        ..Report::new(view, text)
    })
}

/// The profile, which must be in the settings. `None` for the default one.
fn known_profile<'a>(config: &Config, which: &'a Which) -> Result<Option<&'a str>, CliError> {
    let name = which.profile.as_deref();
    let name = name.filter(|name| *name != DEFAULT_PROFILE);
    match name.filter(|name| !config.settings().portal_profiles.contains_key(*name)) {
        Some(unknown) => Err(CliError::Other(format!(
            "portal_profiles has no profile {unknown}"
        ))),
        None => Ok(name),
    }
}

const NONE_YET: &str =
    "there is no portal configuration yet; run billing-portal portal-config ensure";

fn line(verification: &Verification) -> String {
    match verification.violations.as_slice() {
        [] => format!("{}\tok: plans cannot be changed", verification.id),
        violations => format!("{}\t{}", verification.id, violations.join("; ")),
    }
}
