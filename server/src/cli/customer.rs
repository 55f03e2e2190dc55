//! `customer`: which Stripe customer an organization is.

use clap::Subcommand;
use serde_json::json;

use super::{Failure, Report, Session};
use crate::store::{CustomerId, CustomerLink, CustomerState, OrganizationId};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a Stripe customer the organization's customer, in place of any before
    Link {
        /// The organization
        #[arg(long)]
        org: OrganizationId,
        /// Stripe's id, cus_…
        customer: CustomerId,
    },
    /// Forget the organization's customer
    Unlink {
        /// The organization
        #[arg(long)]
        org: OrganizationId,
    },
    /// List all mappings
    List,
}

pub(super) async fn execute(command: Command, session: &Session) -> Result<Report, Failure> {
    let store = session.store().await?;
    let now = session.clock.now().timestamp();
    match command {
        Command::Link { org, customer } => {
            let link = store.link_customer(&org, &customer, now).await?;
            let text = line(&link);
            Ok(Report::new(link, text))
        }
        Command::Unlink { org } => {
            store.unlink_customer(&org, now).await?;
            Ok(Report::new(
                json!({ "org": org }),
                format!("{org}\tno customer"),
            ))
        }
        Command::List => Ok(Report::list(&store.list_customers().await?, line)),
    }
}

fn line(link: &CustomerLink) -> String {
    let state = match (link.state, link.reason) {
        (CustomerState::Active, _) => "active".to_owned(),
        (CustomerState::Stale, None) => "stale".to_owned(),
        (CustomerState::Stale, Some(reason)) => format!("stale ({})", reason.as_str()),
    };
    format!("{}\t{}\t{state}", link.org, link.customer)
}
