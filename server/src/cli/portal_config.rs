//! `portal-config`: the portal configuration at Stripe, which must not allow plan changes.

use clap::Subcommand;
use serde::Serialize;

use super::{
    context::{CliError, Context},
    report::Report,
};
use crate::stripe::Verification;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the configuration in use and its violations; changes nothing
    Show,
    /// Find or create the configuration, and restore it if the service manages it
    Ensure,
    /// Like show, for scripts: exit status 1 on a violation
    Verify,
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
    let stripe = context.stripe_with_configuration(&config).await?;
    let verification = match command {
        Command::Ensure => {
            let ensured = stripe.ensure_configuration().await?;
            context.record_configuration(&config, &stripe).await;
            ensured
        }
        Command::Show | Command::Verify => {
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

const NONE_YET: &str =
    "there is no portal configuration yet; run billing-portal portal-config ensure";

fn line(verification: &Verification) -> String {
    match verification.violations.as_slice() {
        [] => format!("{}\tok: plans cannot be changed", verification.id),
        violations => format!("{}\t{}", verification.id, violations.join("; ")),
    }
}
