//! `org`: creates and shows organizations.

use clap::Subcommand;
use serde::Serialize;

use super::{
    context::{CliError, Context},
    name::parse_name,
    report::{Report, line},
};
use crate::{
    http::schema::Timestamp,
    ids::{CustomerId, OrganizationId},
    store::{CustomerLink, IfMissing, Organization},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create an organization
    Create {
        /// Its name, for people
        #[arg(long, value_parser = parse_name)]
        name: String,
        /// Your own id for it: 1 to 64 of A-Z a-z 0-9 . _ - [default: a new one]
        #[arg(long)]
        id: Option<OrganizationId>,
    },
    /// List all organizations
    List,
    /// Show one organization, with its customer
    Show {
        /// Its id
        id: OrganizationId,
    },
}

/// An organization as the commands print it.
#[derive(Serialize)]
struct OrganizationView {
    id: OrganizationId,
    name: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerId>,
}

impl OrganizationView {
    fn new(organization: Organization, link: Option<CustomerLink>) -> Self {
        Self {
            id: organization.id,
            name: organization.name,
            created_at: Timestamp(organization.created_at),
            customer: link.map(|link| link.customer),
        }
    }

    fn line(&self) -> String {
        let Self {
            id,
            name,
            created_at,
            customer,
        } = self;
        let required = [id.to_string(), name.clone(), created_at.to_string()];
        let customer = customer.as_ref().map(CustomerId::to_string);
        line(required.into_iter().chain(customer))
    }

    fn report(self) -> Report {
        let text = self.line();
        Report::new(self, text)
    }
}

pub(super) async fn execute(command: Command, context: &Context<'_>) -> Result<Report, CliError> {
    let if_missing = match command {
        Command::Create { .. } => IfMissing::Create,
        Command::List | Command::Show { .. } => IfMissing::Fail,
    };
    let store = context.open_store(if_missing).await?;
    match command {
        Command::Create { name, id } => {
            let organization = Organization {
                id: id.map_or_else(|| new_id(context), Ok)?,
                name,
                created_at: context.clock.now(),
            };
            store.create_organization(&organization).await?;
            Ok(OrganizationView::new(organization, None).report())
        }
        Command::List => {
            let organizations = store.list_organizations().await?;
            let view = |organization| OrganizationView::new(organization, None);
            let views: Vec<_> = organizations.into_iter().map(view).collect();
            Ok(Report::list(
                &["org", "name", "created"],
                &views,
                OrganizationView::line,
            ))
        }
        Command::Show { id } => {
            let (organization, link) = store.show_organization(&id).await?;
            Ok(OrganizationView::new(organization, link).report())
        }
    }
}

fn new_id(context: &Context<'_>) -> Result<OrganizationId, CliError> {
    let id = context.clock.ulid().to_string();
    id.parse()
        .map_err(|error: &str| CliError::Other(error.to_owned()))
}
