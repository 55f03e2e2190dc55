//! `org`: makes and shows organizations.

use clap::Subcommand;
use serde::Serialize;

use super::{Failure, Report, Session};
use crate::{
    http::schema::Timestamp,
    ids::{CustomerId, OrganizationId},
    store::Organization,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an organization
    Create {
        /// Its name, for people
        #[arg(long)]
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

/// An organization with its customer.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    organization: Organization,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerId>,
}

pub(super) async fn execute(command: Command, session: &Session) -> Result<Report, Failure> {
    let store = session.store().await?;
    match command {
        Command::Create { name, id } => {
            let id = match id {
                Some(id) => id,
                None => session
                    .clock
                    .ulid()
                    .to_string()
                    .parse()
                    .map_err(|error: &str| Failure::Other(error.to_owned()))?,
            };
            let organization = Organization {
                id,
                name,
                created_at: Timestamp(session.clock.now()),
            };
            store.create_organization(&organization).await?;
            let text = line(&organization);
            Ok(Report::new(organization, text))
        }
        Command::List => Ok(Report::list(&store.list_organizations().await?, line)),
        Command::Show { id } => {
            let (organization, link) = store.show_organization(&id).await?;
            let customer = link.map(|link| link.customer);
            let mut text = line(&organization);
            if let Some(customer) = &customer {
                text = format!("{text}\t{customer}");
            }
            Ok(Report::new(
                Shown {
                    organization,
                    customer,
                },
                text,
            ))
        }
    }
}

fn line(organization: &Organization) -> String {
    let Organization {
        id,
        name,
        created_at,
    } = organization;
    format!("{id}\t{name}\t{created_at}")
}
