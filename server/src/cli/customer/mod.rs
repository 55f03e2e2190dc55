//! `customer`: which Stripe customer an organization is.

mod import;
mod summary;
mod sync;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::{Failure, Report, Session};
use crate::{
    ids::{CustomerId, OrganizationId},
    store::{Conflict, CustomerLink, CustomerState, Policy},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a Stripe customer the organization's customer, in place of any before
    Link {
        /// The organization
        #[arg(long)]
        org: OrganizationId,
        /// Stripe's id, cus_…
        customer: CustomerId,
        /// Ask Stripe first whether it has the customer
        #[arg(long)]
        verify: bool,
    },
    /// Forget the organization's customer
    Unlink {
        /// The organization
        #[arg(long)]
        org: OrganizationId,
    },
    /// List all mappings
    List,
    /// Link the customers of a CSV file; interrupted, it is taken up by running it again
    ///
    /// The first row names the columns: org and customer, and optionally name, for organizations that have to be made.
    /// The file that Stripe's dashboard exports will do, if customers have the metadata `org_id`.
    Import {
        /// The file
        file: PathBuf,
        /// Replace another customer that an organization has
        #[arg(long)]
        replace: bool,
        /// Make no organization that is not there
        #[arg(long)]
        existing_only: bool,
    },
    /// Link Stripe's customers by their metadata `org_id`; interrupted, it is taken up by running it again
    ///
    /// An organization's newest customer is its customer. The key needs the permission Customers: Read.
    Sync {
        /// Begin anew, wherever an earlier run was interrupted
        #[arg(long)]
        from_start: bool,
        /// Make no organization that is not there
        #[arg(long)]
        existing_only: bool,
    },
}

pub(super) async fn execute(command: Command, session: &Session) -> Result<Report, Failure> {
    let store = session.store().await?;
    match command {
        Command::Link {
            org,
            customer,
            verify,
        } => {
            if verify {
                require_at_stripe(&org, &customer, session).await?;
            }
            // Not before Stripe was asked, which may take a while.
            let now = session.clock.now().timestamp();
            let link = store.link_customer(&org, &customer, now).await?;
            let text = line(&link);
            Ok(Report::new(link, text))
        }
        Command::Unlink { org } => {
            let now = session.clock.now().timestamp();
            store.unlink_customer(&org, now).await?;
            let text = format!("{org}\tno customer");
            Ok(Report::new(json!({ "org": org }), text))
        }
        Command::List => Ok(Report::list(&store.list_customers().await?, line)),
        Command::Import {
            file,
            replace,
            existing_only,
        } => {
            let policy = Policy {
                conflict: if replace {
                    Conflict::Replace
                } else {
                    Conflict::Refuse
                },
                create_organizations: !existing_only,
            };
            import::import(&file, policy, session, &store).await
        }
        Command::Sync {
            from_start,
            existing_only,
        } => {
            let policy = Policy {
                conflict: Conflict::NewestWins,
                create_organizations: !existing_only,
            };
            let stripe = session.stripe(&session.config()?)?;
            let sync = sync::Sync::new(&stripe, &store, policy, session);
            sync.run(from_start).await
        }
    }
}

/// Refuses a customer that Stripe does not have, or that it says is another organization's.
async fn require_at_stripe(
    org: &OrganizationId,
    customer: &CustomerId,
    session: &Session,
) -> Result<(), Failure> {
    let stripe = session.stripe(&session.config()?)?;
    let problem = match stripe.find_customer(customer).await? {
        None => format!("Stripe has no customer {customer}"),
        Some(found) if found.deleted => format!("customer {customer} was deleted at Stripe"),
        Some(found) => match found.org_id {
            Some(other) if other != org.as_str() => {
                format!(
                    "customer {customer} is organization {other}, as its metadata at Stripe says"
                )
            }
            _ => return Ok(()),
        },
    };
    Err(Failure::Other(problem))
}

fn line(link: &CustomerLink) -> String {
    let state = match (link.state, link.reason) {
        (CustomerState::Active, _) => "active".to_owned(),
        (CustomerState::Stale, None) => "stale".to_owned(),
        (CustomerState::Stale, Some(reason)) => format!("stale ({})", reason.as_str()),
    };
    format!("{}\t{}\t{state}", link.org, link.customer)
}
