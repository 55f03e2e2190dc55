//! `portal-config`: the configuration at Stripe that keeps plans out of the portal.

use clap::Subcommand;

use super::{Failure, Report, Session};
use crate::stripe::Verification;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the configuration in use and what breaks the promise; change nothing
    Show,
    /// Find or create the configuration, and mend it where it is ours
    Ensure,
    /// The same as show, for scripts: exit status 1 on a violation
    Verify,
}

pub(super) async fn execute(command: Command, session: &Session) -> Result<Report, Failure> {
    let config = session.config()?;
    let stripe = session.stripe(&config)?;
    let verification = match command {
        Command::Ensure => stripe.ensure_configuration().await?,
        Command::Show | Command::Verify => {
            let found = stripe.find_configuration().await?;
            found.ok_or_else(|| {
                Failure::Other(
                    "there is none yet; run billing-portal portal-config ensure".to_owned(),
                )
            })?
        }
    };
    let ok = verification.ok;
    let text = line(&verification);
    Ok(Report {
        ok,
        ..Report::new(verification, text)
    })
}

fn line(verification: &Verification) -> String {
    match verification.violations.as_slice() {
        [] => format!("{}\tkeeps the promise", verification.id),
        violations => format!("{}\t{}", verification.id, violations.join("; ")),
    }
}
