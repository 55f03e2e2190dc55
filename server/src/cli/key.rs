//! `key`: makes, lists, withdraws and replaces API keys.

use chrono::TimeDelta;
use clap::Subcommand;
use serde::Serialize;

use super::{Failure, Report, Session};
use crate::{
    api_key::ApiKey,
    http::schema::Timestamp,
    ids::{Mode, OrganizationId},
    store::{KeyRecord, NewKey, Store},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key; it is shown once
    Create {
        /// The organization that owns it
        #[arg(long)]
        org: OrganizationId,
        /// What it may do, such as billing:write; repeat for several
        #[arg(long = "scope", value_name = "SCOPE", value_parser = parse_scope)]
        scopes: Vec<String>,
        /// What it is for
        #[arg(long)]
        name: Option<String>,
        /// When it ends: a number and s, m, h or d
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
    /// Withdraw a key, everywhere within a second
    Revoke {
        /// The key's id, not the key
        key_id: String,
    },
    /// Make a key's successor; the key itself ends after the overlap
    Rotate {
        /// The key's id, not the key
        key_id: String,
        /// How long both are accepted
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        overlap: TimeDelta,
        /// Which deployments accept the successor [default: the Stripe secret's mode]
        #[arg(long)]
        mode: Option<Mode>,
    },
}

/// A new key, with the key: the only place in which it is ever shown.
#[derive(Serialize)]
struct Created<'a> {
    key: &'a str,
    #[serde(flatten)]
    record: &'a KeyRecord,
}

pub(super) async fn execute(command: Command, session: &Session) -> Result<Report, Failure> {
    let store = session.store().await?;
    let now = session.clock.now();
    match command {
        Command::Create {
            org,
            scopes,
            name,
            expires_in,
            mode,
        } => {
            let expires_at = expires_in
                .map(|duration| after(now, duration))
                .transpose()?;
            let record = new_record(session, org, name, scopes, expires_at);
            create(session, &store, mode, &record).await
        }
        Command::List { org } => Ok(Report::list(&store.list_keys(&org).await?, line)),
        Command::Revoke { key_id } => {
            let record = store.revoke_key(&key_id, Timestamp(now)).await?;
            let text = line(&record);
            Ok(Report::new(record, text))
        }
        Command::Rotate {
            key_id,
            overlap,
            mode,
        } => {
            let old = store.show_key(&key_id).await?;
            if old.revoked_at.is_some() || old.expires_at.is_some_and(|Timestamp(end)| end <= now) {
                return Err(Failure::Other(format!(
                    "key {key_id} has ended already; create a new one"
                )));
            }
            let end = after(now, overlap)?;
            let record = new_record(session, old.org, old.name, old.scopes, old.expires_at);
            let report = create(session, &store, mode, &record).await?;
            // Last, so that a failure before leaves the old key as it was.
            store.expire_key(&key_id, end).await?;
            Ok(report)
        }
    }
}

fn new_record(
    session: &Session,
    org: OrganizationId,
    name: Option<String>,
    mut scopes: Vec<String>,
    expires_at: Option<Timestamp>,
) -> KeyRecord {
    let mut seen = std::collections::HashSet::new();
    scopes.retain(|scope| seen.insert(scope.clone()));
    KeyRecord {
        id: format!("key_{}", session.clock.ulid()),
        org,
        name,
        scopes,
        created_at: Timestamp(session.clock.now()),
        expires_at,
        revoked_at: None,
        last_used_on: None,
    }
}

async fn create(
    session: &Session,
    store: &Store,
    mode: Option<Mode>,
    record: &KeyRecord,
) -> Result<Report, Failure> {
    let mode = match mode {
        Some(mode) => mode,
        None => session.config()?.mode()?,
    };
    let key = ApiKey::generate(mode, &session.clock);
    store
        .create_key(NewKey {
            record,
            hash: key.hash(),
        })
        .await?;
    let text = format!(
        "{}\n{}\nKeep the key now: it is not stored and cannot be shown again.",
        line(record),
        key.expose()
    );
    Ok(Report::new(
        Created {
            key: key.expose(),
            record,
        },
        text,
    ))
}

fn after(now: chrono::DateTime<chrono::Utc>, duration: TimeDelta) -> Result<Timestamp, Failure> {
    now.checked_add_signed(duration)
        .map(Timestamp)
        .ok_or_else(|| Failure::Other("the duration is too long".to_owned()))
}

fn line(record: &KeyRecord) -> String {
    let mut line = format!("{}\t{}\t{}", record.id, record.org, record.scopes.join(" "));
    let facts = [
        ("expires", record.expires_at),
        ("revoked", record.revoked_at),
    ];
    for (fact, at) in facts {
        if let Some(at) = at {
            line = format!("{line}\t{fact} {at}");
        }
    }
    match &record.name {
        Some(name) => format!("{line}\t{name}"),
        None => line,
    }
}

/// `word:word` of `a-z 0-9 _ -`, at most 64 characters.
fn parse_scope(text: &str) -> Result<String, &'static str> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
            })
    };
    match text.split_once(':') {
        Some((left, right)) if is_word(left) && is_word(right) && text.len() <= 64 => {
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
