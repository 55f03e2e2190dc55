//! A key as the commands print it, without the key itself.

use serde::Serialize;

use super::super::report::{Report, line};
use crate::{http::schema::Timestamp, ids::OrganizationId, store::KeyRecord};

/// The fields of a key. Fields that are not set are absent.
#[derive(Serialize)]
pub(super) struct KeyView {
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
    /// What the fields of a line are; those that a key does not have are left out.
    pub(super) const HEADERS: [&str; 4] = ["key", "org", "scopes", "expires, revoked, name"];

    pub(super) fn line(&self) -> String {
        let expires = self.expires_at.map(|time| format!("expires {time}"));
        let revoked = self.revoked_at.map(|time| format!("revoked {time}"));
        let required = [self.id.clone(), self.org.to_string(), self.scopes.join(" ")];
        let optional = [expires, revoked, self.name.clone()].into_iter().flatten();
        line(required.into_iter().chain(optional))
    }

    pub(super) fn report(self) -> Report {
        let text = self.line();
        Report::new(self, text)
    }
}
