//! `key`: creates, lists, shows, revokes and rotates API keys.

mod selector;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use serde::Serialize;

use super::{
    context::{CliError, Context},
    name::parse_name,
    report::Report,
};
use crate::{
    api_key::ApiKey,
    http::schema::Timestamp,
    ids::{Mode, OrganizationId},
    store::{KeyRecord, NewKey, Store},
};

/// The longest scope, in bytes. Scopes of APIs are far shorter; the bound keeps a list of keys readable.
const MAX_SCOPE_BYTES: usize = 64;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a key; it is shown once
    Create {
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
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires_in: Option<TimeDelta>,
        /// Which deployments accept it [default: the Stripe secret's mode]
        #[arg(long)]
        mode: Option<Mode>,
    },
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
        /// How long both are accepted
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        overlap: TimeDelta,
        /// Which deployments accept the successor [default: the Stripe secret's mode]
        #[arg(long)]
        mode: Option<Mode>,
    },
}

/// A key as the commands print it. Fields that are not set are absent.
#[derive(Serialize)]
struct KeyView {
    id: String,
    org: OrganizationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    scopes: Vec<String>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_on: Option<String>,
}

impl From<KeyRecord> for KeyView {
    fn from(record: KeyRecord) -> Self {
        Self {
            id: record.id,
            org: record.org,
            name: record.name,
            scopes: record.scopes,
            created_at: Timestamp(record.created_at),
            expires_at: record.expires_at.map(Timestamp),
            revoked_at: record.revoked_at.map(Timestamp),
            last_used_on: record.last_used_on,
        }
    }
}

impl KeyView {
    fn line(&self) -> String {
        let expires = self.expires_at.map(|time| format!("expires {time}"));
        let revoked = self.revoked_at.map(|time| format!("revoked {time}"));
        let required = [self.id.clone(), self.org.to_string(), self.scopes.join(" ")];
        let optional = [expires, revoked, self.name.clone()].into_iter().flatten();
        let fields: Vec<String> = required.into_iter().chain(optional).collect();
        fields.join("\t")
    }

    fn report(self) -> Report {
        let text = self.line();
        Report::new(self, text)
    }
}

pub(super) async fn execute(command: Command, context: &Context<'_>) -> Result<Report, CliError> {
    let store = context.store().await?;
    match command {
        Command::Create {
            org,
            scopes,
            name,
            expires_in,
            mode,
        } => {
            let now = context.clock.now();
            let expires_at = expires_in.map(|duration| after(now, duration));
            let record = new_record(context, org, name, scopes, expires_at.transpose()?);
            create(context, &store, mode, record).await
        }
        Command::List { org } => {
            let records = store.list_keys(&org).await?;
            let views: Vec<_> = records.into_iter().map(KeyView::from).collect();
            Ok(Report::list(&views, KeyView::line))
        }
        Command::Show { key_id } => {
            let key_id = selector::find(&key_id, context, &store).await?;
            let record = store.show_key(&key_id).await?;
            Ok(KeyView::from(record).report())
        }
        Command::Revoke { key_id } => {
            let key_id = selector::find(&key_id, context, &store).await?;
            let record = store.revoke_key(&key_id, context.clock.now()).await?;
            Ok(KeyView::from(record).report())
        }
        Command::Rotate {
            key_id,
            overlap,
            mode,
        } => {
            let key_id = selector::find(&key_id, context, &store).await?;
            rotate(context, &store, &key_id, overlap, mode).await
        }
    }
}

async fn rotate(
    context: &Context<'_>,
    store: &Store,
    key_id: &str,
    overlap: TimeDelta,
    mode: Option<Mode>,
) -> Result<Report, CliError> {
    let now = context.clock.now();
    let old = store.show_key(key_id).await?;
    if old.revoked_at.is_some() || old.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(CliError::Other(format!(
            "key {key_id} has expired or was revoked; create a new one"
        )));
    }
    let old_expires_at = after(now, overlap)?;
    let record = new_record(context, old.org, old.name, old.scopes, old.expires_at);
    let report = create(context, store, mode, record).await?;
    // Last, so that a failure before this leaves the old key unchanged.
    store.expire_key(key_id, old_expires_at).await?;
    Ok(report)
}

fn new_record(
    context: &Context<'_>,
    org: OrganizationId,
    name: Option<String>,
    mut scopes: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
) -> KeyRecord {
    let mut seen = std::collections::HashSet::new();
    scopes.retain(|scope| seen.insert(scope.clone()));
    KeyRecord {
        id: format!("key_{}", context.clock.ulid()),
        org,
        name,
        scopes,
        created_at: context.clock.now(),
        expires_at,
        revoked_at: None,
        last_used_on: None,
    }
}

async fn create(
    context: &Context<'_>,
    store: &Store,
    mode: Option<Mode>,
    record: KeyRecord,
) -> Result<Report, CliError> {
    let mode = match mode {
        Some(mode) => mode,
        None => context.config()?.mode()?,
    };
    let key = ApiKey::generate(mode, &context.clock);
    let (record, hash) = (&record, key.hash());
    store.create_key(NewKey { record, hash }).await?;
    Ok(Report {
        new_key: Some(key),
        ..KeyView::from(record.clone()).report()
    })
}

fn after(now: DateTime<Utc>, duration: TimeDelta) -> Result<DateTime<Utc>, CliError> {
    now.checked_add_signed(duration)
        .ok_or_else(|| CliError::Other("the duration is too long".to_owned()))
}

/// `word:word` of `a-z 0-9 _ -`, at most [`MAX_SCOPE_BYTES`].
fn parse_scope(text: &str) -> Result<String, &'static str> {
    let is_word_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_word_byte);
    match text.split_once(':') {
        Some((left, right)) if is_word(left) && is_word(right) && text.len() <= MAX_SCOPE_BYTES => {
            Ok(text.to_owned())
        }
        _ => Err("a scope is word:word of a-z 0-9 _ -, such as billing:write"),
    }
}

/// A number and `s`, `m`, `h` or `d`.
fn parse_duration(text: &str) -> Result<TimeDelta, &'static str> {
    const MISUSE: &str = "a duration is a number and s, m, h or d, such as 90d";
    let unit = text.chars().last().ok_or(MISUSE)?;
    let number: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .map_err(|_| MISUSE)?;
    let duration = match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        _ => None,
    };
    duration
        .filter(|_| number > 0 || text.starts_with('0'))
        .ok_or(MISUSE)
}
