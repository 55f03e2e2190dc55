//! `key`: creates, lists, shows, revokes and rotates API keys.

mod argument;
mod creation;
mod output;
mod revocation;
mod rotation;
mod selector;
mod view;

use clap::Subcommand;

use super::{
    context::{CliError, Context},
    report::Report,
};
use crate::ids::OrganizationId;
use creation::Creation;
use rotation::Rotation;
use view::KeyView;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a key; it is shown once
    Create(Creation),
    /// List an organization's keys
    List {
        /// The organization
        #[arg(long)]
        org: OrganizationId,
    },
    /// Show a key's record
    Show {
        /// The key's id, or - to read the key itself from standard input
        key_id: String,
    },
    /// Revoke a key; takes effect within one second
    Revoke {
        /// The key's id, or - to read the key itself from standard input
        key_id: String,
    },
    /// Create a key's successor; the key itself expires after the overlap
    Rotate {
        /// The key's id, or - to read the key itself from standard input
        key_id: String,
        #[command(flatten)]
        rotation: Rotation,
    },
}

impl Command {
    /// Whether the command shows a new key on standard output, and nowhere else.
    pub(super) fn prints_new_key(&self) -> bool {
        match self {
            Self::Create(creation) => creation.prints_new_key(),
            Self::Rotate { rotation, .. } => rotation.prints_new_key(),
            Self::List { .. } | Self::Show { .. } | Self::Revoke { .. } => false,
        }
    }
}

pub(super) async fn execute(command: Command, context: &Context<'_>) -> Result<Report, CliError> {
    let store = context.store().await?;
    match command {
        Command::Create(creation) => creation.run(context, &store).await,
        Command::List { org } => {
            let records = store.list_keys(&org).await?;
            let views: Vec<_> = records.into_iter().map(KeyView::from).collect();
            Ok(Report::list(&KeyView::HEADERS, &views, KeyView::line))
        }
        Command::Show { key_id } => {
            let selected = selector::find(&key_id, context, &store).await?;
            let record = store.show_key(&selected.id).await?;
            Ok(KeyView::from(record).report())
        }
        Command::Revoke { key_id } => {
            let selected = selector::find(&key_id, context, &store).await?;
            revocation::revoke(context, &store, &selected.id).await
        }
        Command::Rotate { key_id, rotation } => {
            let selected = selector::find(&key_id, context, &store).await?;
            rotation::rotate(context, &store, &selected, rotation).await
        }
    }
}
