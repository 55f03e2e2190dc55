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
    return_url::AllowedOrigin,
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
    /// Let return URLs of one organization lead to an origin, and to no other that is not allowed for it
    ///
    /// The operator's list, return_url_allow_list, is not used for an organization that has origins of its own.
    #[command(name = "allow-return-url")]
    AllowReturnUrl {
        /// Its id
        id: OrganizationId,
        /// The origin, such as https://app.example.com
        #[arg(value_parser = parse_origin)]
        origin: AllowedOrigin,
    },
    /// Take an origin away from one organization
    ///
    /// Without its last own origin, the organization uses the operator's list again.
    #[command(name = "disallow-return-url")]
    DisallowReturnUrl {
        /// Its id
        id: OrganizationId,
        /// The origin, such as https://app.example.com
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
        _ => IfMissing::Fail,
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
        Command::AllowReturnUrl { id, origin } => {
            let origins = store.allow_return_origin(&id, &origin).await?;
            Ok(OriginsView::report(id, origins))
        }
        Command::DisallowReturnUrl { id, origin } => {
            let origins = store.disallow_return_origin(&id, &origin).await?;
            Ok(OriginsView::report(id, origins))
        }
        Command::ReturnUrls { id } => {
            let origins = store.return_origins(&id).await?;
            Ok(OriginsView::report(id, origins))
        }
    }
}

fn new_id(context: &Context<'_>) -> Result<OrganizationId, CliError> {
    let id = context.clock.ulid().to_string();
    id.parse()
        .map_err(|error: &str| CliError::Other(error.to_owned()))
}
