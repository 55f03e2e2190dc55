//! `org`: creates, changes and shows organizations.

mod return_urls;

use clap::Subcommand;
use serde::Serialize;

use super::{
    context::{CliError, Context},
    name::parse_name,
    report::{Report, line},
};
use crate::{
    config::DEFAULT_PROFILE,
    http::schema::Timestamp,
    ids::{CustomerId, OrganizationId},
    store::{CustomerLink, IfMissing, Organization, OrganizationChange},
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
        /// Its portal profile, one of those in the settings
        #[arg(long)]
        profile: Option<String>,
    },
    /// Change an organization
    #[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
    Set {
        /// Its id
        id: OrganizationId,
        /// Its name, for people
        #[arg(long, value_parser = parse_name, group = "change")]
        name: Option<String>,
        /// Its portal profile, one of those in the settings, or default
        #[arg(long, group = "change")]
        profile: Option<String>,
    },
    /// List all organizations
    List,
    /// Show one organization, with its customer
    Show {
        /// Its id
        id: OrganizationId,
    },
    #[command(flatten)]
    ReturnUrls(return_urls::Command),
}

/// An organization as the commands print it.
#[derive(Serialize)]
struct OrganizationView {
    id: OrganizationId,
    name: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
}

impl OrganizationView {
    fn new(organization: Organization, link: Option<CustomerLink>) -> Self {
        Self {
            id: organization.id,
            name: organization.name,
            created_at: Timestamp(organization.created_at),
            customer: link.map(|link| link.customer),
            profile: organization.portal_profile,
        }
    }

    fn line(&self) -> String {
        let Self {
            id,
            name,
            created_at,
            customer,
            profile,
        } = self;
        let required = [id.to_string(), name.clone(), created_at.to_string()];
        let customer = customer.as_ref().map(CustomerId::to_string);
        let profile = profile.as_ref().map(|profile| format!("profile {profile}"));
        line(required.into_iter().chain(customer).chain(profile))
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
        Command::Create { name, id, profile } => {
            let organization = new_organization(context, name, id, profile)?;
            store.create_organization(&organization).await?;
            Ok(OrganizationView::new(organization, None).report())
        }
        Command::List => {
            let organizations = store.list_organizations().await?;
            let view = |organization| OrganizationView::new(organization, None);
            let views: Vec<_> = organizations.into_iter().map(view).collect();
            Ok(Report::list(
                &["org", "name", "created", "profile"],
                &views,
                OrganizationView::line,
            ))
        }
        Command::Show { id } => {
            let (organization, link) = store.show_organization(&id).await?;
            Ok(OrganizationView::new(organization, link).report())
        }
        Command::Set { id, name, profile } => {
            let profile = profile.map(|name| portal_profile(context, name));
            let change = OrganizationChange {
                name,
                portal_profile: profile.transpose()?,
            };
            store.change_organization(&id, &change).await?;
            let (organization, link) = store.show_organization(&id).await?;
            Ok(OrganizationView::new(organization, link).report())
        }
        Command::ReturnUrls(command) => return_urls::execute(command, &store).await,
    }
}

fn new_organization(
    context: &Context<'_>,
    name: String,
    id: Option<OrganizationId>,
    profile: Option<String>,
) -> Result<Organization, CliError> {
    let profile = profile.map(|name| portal_profile(context, name));
    Ok(Organization {
        portal_profile: profile.transpose()?.flatten(),
        id: id.map_or_else(|| new_id(context), Ok)?,
        name,
        created_at: context.clock.now(),
    })
}

/// The profile of this name, which the settings must have. `None` for the default one.
fn portal_profile(context: &Context<'_>, name: String) -> Result<Option<String>, CliError> {
    let config = context.config()?;
    let profiles = &config.settings().portal_profiles;
    if name == DEFAULT_PROFILE {
        return Ok(None);
    }
    if profiles.contains_key(&name) {
        return Ok(Some(name));
    }
    let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
    Err(CliError::Other(format!(
        "portal_profiles has no profile {name:?}; it has: {}",
        known.join(", ")
    )))
}

fn new_id(context: &Context<'_>) -> Result<OrganizationId, CliError> {
    let id = context.clock.ulid().to_string();
    id.parse()
        .map_err(|error: &str| CliError::Other(error.to_owned()))
}
