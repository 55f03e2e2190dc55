//! `key rotate`: a successor of the same mode, and an end for the key itself.

use chrono::TimeDelta;
use clap::Args;

use super::{
    super::{
        context::{CliError, Context},
        report::Report,
    },
    argument::parse_duration,
    creation::{after, new_id},
    output::KeyOutput,
    selector::SelectedKey,
};
use crate::{
    api_key::ApiKey,
    http::schema::Timestamp,
    ids::Mode,
    store::{KeyRecord, NewKey, Store},
};

const UNKNOWN_MODE: &str = "was created before 1.1.0 and has not been used since, so its mode is not known; give --mode, \
                            or use - for the id and write the key itself to standard input";

/// What becomes of the key and of its successor.
#[derive(Debug, Args)]
pub(in super::super) struct Rotation {
    /// How long both are accepted
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    overlap: TimeDelta,
    /// The key's mode, if it is not the Stripe secret's; the successor has the same
    #[arg(long)]
    mode: Option<Mode>,
    #[command(flatten)]
    output: KeyOutput,
}

impl Rotation {
    /// Whether the new key is shown on standard output.
    pub(super) fn prints_new_key(&self) -> bool {
        self.output.is_shown()
    }
}

/// Stores the successor and makes the key expire after the overlap.
pub(super) async fn rotate(
    context: &Context<'_>,
    store: &Store,
    selected: &SelectedKey,
    rotation: Rotation,
) -> Result<Report, CliError> {
    let Rotation {
        overlap,
        mode,
        output,
    } = rotation;
    let now = context.clock.now();
    let old = store.show_key(&selected.id).await?;
    old.require_usable(now)?;
    let mode = successor_mode(&old.id, old.mode.or(selected.mode), mode, context)?;
    let expires_at = after(now, overlap)?;
    let record = KeyRecord {
        id: new_id(context),
        mode: Some(mode),
        created_at: now,
        last_used_on: None,
        ..old
    };
    let key = ApiKey::generate(mode, &context.clock);
    let output = output.prepare(&key)?;
    let successor = NewKey {
        record: &record,
        hash: key.hash(),
    };
    store
        .rotate_key(&selected.id, expires_at, successor)
        .await?;
    let mut report = output.report(key, record);
    if let Some(remedy) = &mut report.if_unprinted {
        let (old, until) = (&selected.id, Timestamp(expires_at));
        *remedy = format!("{remedy}; the key {old} is accepted until {until}");
    }
    Ok(report)
}

/// The mode of the key's successor: the key's own. A command that means the other mode is refused, because the key
/// would expire and its successor would not be accepted where the key is used.
fn successor_mode(
    id: &str,
    own: Option<Mode>,
    requested: Option<Mode>,
    context: &Context<'_>,
) -> Result<Mode, CliError> {
    let refused = |problem: String| Err(CliError::Other(format!("key {id} {problem}")));
    let Some(own) = own else {
        return requested.map_or_else(|| refused(UNKNOWN_MODE.to_owned()), Ok);
    };
    // Without a Stripe secret at hand, the deployment's mode is not known, and the key's own is right.
    let deployment = || context.config().ok()?.mode().ok();
    match requested.or_else(deployment) {
        Some(other) if other != own && requested.is_some() => refused(format!(
            "is a {} key; its successor cannot be a {} key",
            own.as_str(),
            other.as_str()
        )),
        Some(other) if other != own => refused(format!(
            "is a {own} key, and this deployment is in {} mode; if you mean this key, give --mode {own}",
            other.as_str(),
            own = own.as_str(),
        )),
        _ => Ok(own),
    }
}
