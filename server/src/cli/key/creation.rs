//! `key create`, and what a new key has in common with a successor.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::{
    super::{
        context::{CliError, Context},
        name::parse_name,
        report::Report,
    },
    argument::{parse_lifetime, parse_scope},
    output::KeyOutput,
};
use crate::{
    api_key::ApiKey,
    extract::BillingWrite,
    ids::{Mode, OrganizationId},
    store::{KeyRecord, NewKey, Store},
};

/// The key that is to be created.
#[derive(Debug, Args)]
pub(in super::super) struct Creation {
    /// The organization that owns it
    #[arg(long)]
    org: OrganizationId,
    /// What it may do, such as billing:write; repeat for several
    #[arg(long = "scope", value_name = "SCOPE", value_parser = parse_scope)]
    scopes: Vec<String>,
    /// What it is for
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
    /// How long it is valid: a number and s, m, h or d
    #[arg(long, value_name = "DURATION", value_parser = parse_lifetime)]
    expires_in: Option<TimeDelta>,
    /// Which deployments accept it [default: the Stripe secret's mode]
    #[arg(long)]
    mode: Option<Mode>,
    #[command(flatten)]
    output: KeyOutput,
}

impl Creation {
    /// Whether the new key is shown on standard output.
    pub(super) fn prints_new_key(&self) -> bool {
        self.output.is_shown()
    }

    /// Creates the key.
    pub(super) async fn run(
        self,
        context: &Context<'_>,
        store: &Store,
    ) -> Result<Report, CliError> {
        let now = context.clock.now();
        let expires_at = self.expires_in.map(|duration| after(now, duration));
        let mode = match self.mode {
            Some(mode) => mode,
            None => context.config()?.mode()?,
        };
        let mut seen = HashSet::new();
        let mut scopes = self.scopes;
        scopes.retain(|scope| seen.insert(scope.clone()));
        let record = KeyRecord {
            id: new_id(context),
            org: self.org,
            mode: Some(mode),
            name: self.name,
            scopes,
            created_at: now,
            expires_at: expires_at.transpose()?,
            revoked_at: None,
            last_used_on: None,
        };
        let key = ApiKey::generate(mode, &context.clock);
        let output = self.output.prepare(&key)?;
        let new = NewKey {
            record: &record,
            hash: key.hash(),
        };
        store.create_key(new).await?;
        let warnings = useless_scopes(&record.scopes);
        Ok(output.report(key, record).with_warnings(warnings))
    }
}

/// Warnings of scopes that no operation uses: each may be a typing error, which only the first request would show.
fn useless_scopes(scopes: &[String]) -> Vec<String> {
    const SCOPE: &str = BillingWrite::SCOPE;
    if scopes.is_empty() {
        return vec![format!(
            "the key has no scope, so that no operation accepts it; the portal needs {SCOPE}"
        )];
    }
    let useless = scopes.iter().filter(|scope| *scope != SCOPE);
    useless
        .map(|scope| format!("no operation uses the scope {scope}; the portal needs {SCOPE}"))
        .collect()
}

/// The id of a new key.
pub(super) fn new_id(context: &Context<'_>) -> String {
    format!("key_{}", context.clock.ulid())
}

/// The time so long after `now`.
pub(super) fn after(now: DateTime<Utc>, duration: TimeDelta) -> Result<DateTime<Utc>, CliError> {
    now.checked_add_signed(duration)
        .ok_or_else(|| CliError::Other("the duration is too long".to_owned()))
}
