//! The origins of return URLs that one organization has of its own.

use clap::Subcommand;
use serde::Serialize;

use super::super::{context::CliError, report::Report};
use crate::{
    ids::OrganizationId, redaction::contains_secret, return_url::AllowedOrigin, store::Store,
};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Let return URLs of one organization lead to an origin, and to no other that is not allowed for it
    ///
    /// The operator's list is not used for an organization that has origins of its own.
    #[command(name = "allow-return-url")]
    AllowReturnUrl {
        /// Its id
        id: OrganizationId,
        /// The origin: the scheme https, the host and, unless it is 443, the port
        #[arg(value_parser = parse_new_origin)]
        origin: AllowedOrigin,
    },
    /// Take an origin away from one organization
    ///
    /// Without its last own origin, the organization uses the operator's list again.
    #[command(name = "disallow-return-url")]
    DisallowReturnUrl {
        /// Its id
        id: OrganizationId,
        /// The origin: the scheme https, the host and, unless it is 443, the port
        #[arg(value_parser = parse_origin)]
        origin: AllowedOrigin,
    },
    /// List the origins that one organization has of its own
    #[command(name = "return-urls")]
    ReturnUrls {
        /// Its id
        id: OrganizationId,
    },
}

/// The commands print the origins, so none may be a secret that was pasted into the wrong place.
fn parse_new_origin(text: &str) -> Result<AllowedOrigin, String> {
    let origin = parse_origin(text)?;
    if contains_secret(text) || contains_secret(&origin.to_string()) {
        return Err("an origin must not contain a secret".to_owned());
    }
    Ok(origin)
}

/// Only https, in development too: these are pages of customers.
fn parse_origin(text: &str) -> Result<AllowedOrigin, String> {
    let parsed = AllowedOrigin::parse(text, false);
    parsed.map_err(|problem| problem.replace("in production", "here; use https"))
}

/// The origins of an organization as the commands print them.
#[derive(Serialize)]
struct OriginsView {
    org: OrganizationId,
    origins: Vec<String>,
}

impl OriginsView {
    fn report(org: OrganizationId, origins: Vec<String>) -> Report {
        let text = origins.join("\n");
        Report::new(Self { org, origins }, text)
    }
}

pub(super) async fn execute(command: Command, store: &Store) -> Result<Report, CliError> {
    let (id, origins) = match command {
        Command::AllowReturnUrl { id, origin } => {
            let origins = store.allow_return_origin(&id, &origin).await?;
            (id, origins)
        }
        Command::DisallowReturnUrl { id, origin } => {
            let origins = store.disallow_return_origin(&id, &origin).await?;
            (id, origins)
        }
        Command::ReturnUrls { id } => {
            let origins = store.return_origins(&id).await?;
            (id, origins)
        }
    };
    Ok(OriginsView::report(id, origins))
}
