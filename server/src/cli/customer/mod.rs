//! `customer`: which Stripe customer an organization is.

mod csv_file;
mod import;
mod lines;
mod summary;
mod sync;

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::{
    context::{CliError, Context},
    report::{Report, line, to_json},
};
use crate::{
    escaping::printable_field,
    http::schema::Timestamp,
    ids::{CustomerId, OrganizationId},
    store::{CustomerConflict, CustomerLink, LinkPolicy, StaleReason, Store},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a Stripe customer the organization's customer, in place of any other
    Link {
        /// The organization
        #[arg(long)]
        org: OrganizationId,
        /// Stripe's id, usually cus_… or acct_…
        customer: CustomerId,
        /// Check first that Stripe has the customer
        #[arg(long)]
        verify: bool,
    },
    /// Remove the organization's customer
    Unlink {
        /// The organization
        #[arg(long)]
        org: OrganizationId,
    },
    /// List all mappings, each with its source: operator or stripe
    List,
    /// List the conflicts that an operator has to resolve
    ///
    /// Each is a customer at Stripe that names an organization and is not its customer: the organization has another
    /// customer (`another_customer`), or another organization has the customer (`another_organization`). To resolve it, run
    /// billing-portal customer link with the customer that the organization should have.
    Conflicts,
    /// Link the customers of a CSV file; safe to re-run
    ///
    /// The first row names the columns: org and customer, and optionally name, for organizations that are created. The
    /// file that Stripe's dashboard exports can be used if customers have the metadata `org_id`. After an interruption,
    /// run the command again.
    Import {
        /// The file, or - for standard input; UTF-8, with comma, semicolon or tab
        file: PathBuf,
        /// Replace another customer that an organization has
        #[arg(long)]
        replace: bool,
        /// Do not create missing organizations
        #[arg(long)]
        existing_only: bool,
    },
    /// Link Stripe's customers by their metadata `org_id`; safe to re-run
    ///
    /// An organization's newest customer is its customer. The key needs the permission Customers: Read. After an
    /// interruption, run the command again: it continues where it stopped.
    Sync {
        /// Start again from the newest customer, even if an earlier run was interrupted
        #[arg(long)]
        from_start: bool,
        /// Do not create missing organizations
        #[arg(long)]
        existing_only: bool,
    },
}

/// A mapping as the commands print it.
#[derive(Serialize)]
struct CustomerView {
    org: OrganizationId,
    customer: CustomerId,
    state: &'static str,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl From<CustomerLink> for CustomerView {
    fn from(link: CustomerLink) -> Self {
        Self {
            org: link.org,
            customer: link.customer,
            state: link.state.as_str(),
            source: link.source.as_str(),
            reason: link.reason.map(StaleReason::as_str),
        }
    }
}

impl CustomerView {
    fn line(&self) -> String {
        let Self {
            org,
            customer,
            state,
            source,
            reason,
        } = self;
        let reason = reason.map(|reason| format!(" ({reason})"));
        let reason = reason.unwrap_or_default();
        line([
            org.as_str(),
            customer.as_str(),
            &format!("{state}{reason}"),
            source,
        ])
    }
}

/// A conflict as the commands print it.
#[derive(Serialize)]
struct ConflictView {
    org: OrganizationId,
    customer: CustomerId,
    other: String,
    seen_at: Timestamp,
    reason: &'static str,
}

impl From<CustomerConflict> for ConflictView {
    fn from(conflict: CustomerConflict) -> Self {
        Self {
            org: conflict.org,
            customer: conflict.customer,
            other: conflict.other,
            seen_at: Timestamp(conflict.seen_at),
            reason: conflict.reason,
        }
    }
}

impl ConflictView {
    fn line(&self) -> String {
        let Self {
            org,
            customer,
            other,
            seen_at,
            reason,
        } = self;
        let seen_at = seen_at.to_string();
        line([org.as_str(), customer.as_str(), reason, other, &seen_at])
    }
}

pub(super) async fn execute(command: Command, context: &Context<'_>) -> Result<Report, CliError> {
    let store = context.store().await?;
    match command {
        Command::Link {
            org,
            customer,
            verify,
        } => {
            if verify {
                require_at_stripe(&org, &customer, context).await?;
            }
            link(&org, &customer, context, &store).await
        }
        Command::Unlink { org } => unlink(&org, context, &store).await,
        Command::List => list(&store).await,
        Command::Conflicts => conflicts(&store).await,
        Command::Import {
            file,
            replace,
            existing_only,
        } => {
            let create_organizations = !existing_only;
            let policy = LinkPolicy {
                replace,
                create_organizations,
            };
            import::import(&file, policy, context, &store).await
        }
        Command::Sync {
            from_start,
            existing_only,
        } => {
            let stripe = context.stripe(&context.config()?)?;
            let sync = sync::Sync::new(&stripe, &store, !existing_only, context);
            sync.run(from_start).await
        }
    }
}

async fn unlink(
    org: &OrganizationId,
    context: &Context<'_>,
    store: &Store,
) -> Result<Report, CliError> {
    store.unlink_customer(org, context.clock.now()).await?;
    let text = format!("{org}\tno customer");
    Ok(Report::new(json!({ "org": org }), text))
}

async fn list(store: &Store) -> Result<Report, CliError> {
    let links = store.list_customers().await?;
    let views: Vec<_> = links.into_iter().map(CustomerView::from).collect();
    let headers = ["org", "customer", "state", "source"];
    Ok(Report::list(&headers, &views, CustomerView::line))
}

async fn conflicts(store: &Store) -> Result<Report, CliError> {
    let conflicts = store.list_conflicts().await?;
    let views: Vec<_> = conflicts.into_iter().map(ConflictView::from).collect();
    let headers = ["org", "customer", "reason", "other", "seen at"];
    Ok(Report::list(&headers, &views, ConflictView::line))
}

async fn link(
    org: &OrganizationId,
    customer: &CustomerId,
    context: &Context<'_>,
    store: &Store,
) -> Result<Report, CliError> {
    if !customer.has_usual_form() {
        context.notify(&format!(
            "note: {customer} is not cus_… or acct_…; with --verify the command asks Stripe for it"
        ));
    }
    let (_, before) = store.show_organization(org).await?;
    let link = store.link_customer(org, customer, context.clock.now());
    let view = CustomerView::from(link.await?);
    let mut text = view.line();
    let mut json = to_json(view);
    if let Some(before) = before.filter(|before| before.customer != *customer) {
        let (state, source) = (before.state.as_str(), before.source.as_str());
        text = format!("{text}\nreplaced {} ({state}, {source})", before.customer);
        json["replaced"] = to_json(&before.customer);
    }
    Ok(Report::new(json, text))
}

/// Refuses a customer that Stripe does not have, or whose metadata at Stripe names another organization.
async fn require_at_stripe(
    org: &OrganizationId,
    customer: &CustomerId,
    context: &Context<'_>,
) -> Result<(), CliError> {
    let stripe = context.stripe(&context.config()?)?;
    let problem = match stripe.find_customer(customer).await? {
        None => format!("Stripe has no customer {customer}"),
        Some(found) if found.deleted => format!("customer {customer} was deleted at Stripe"),
        Some(found) => match found.org_id {
            Some(other) if other != org.as_str() => {
                format!(
                    "customer {customer} belongs to organization {} by its metadata at Stripe",
                    printable_field(&other)
                )
            }
            _ => return Ok(()),
        },
    };
    Err(CliError::Other(problem))
}
