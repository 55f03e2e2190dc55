//! What became of many customers: counts, and by name each that failed.

use serde::Serialize;

use super::super::Report;
use crate::store::{Linked, SyncFailure};

/// The counts and the failures.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tally {
    /// Customers that were looked at.
    pub read: usize,
    /// Mappings that were made or changed.
    pub linked: usize,
    /// Mappings that were in force already.
    pub unchanged: usize,
    /// Mappings that a newer one, or an unlink since, keeps from being in force.
    pub superseded: usize,
    /// Customers that name no organization.
    pub without_organization: usize,
    /// Organizations that were made.
    pub organizations_created: usize,
    /// Each that is not in force, and why.
    pub failures: Vec<Entry>,
}

/// A customer as it was written, and what is wrong with it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Entry {
    /// The line of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The organization, as it was written.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub org: String,
    /// The customer, as it was written.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub customer: String,
    /// Why.
    pub problem: String,
}

impl Tally {
    /// Counts what became of one mapping, but for a refusal, which is told by name.
    pub(super) fn count(&mut self, linked: &Linked) {
        match linked {
            Linked::Done {
                organization_created,
            } => {
                self.linked += 1;
                self.organizations_created += usize::from(*organization_created);
            }
            Linked::Unchanged => self.unchanged += 1,
            Linked::Superseded => self.superseded += 1,
            Linked::Refused(_) => {}
        }
    }

    /// Names one that failed.
    pub(super) fn fail(&mut self, entry: Entry, problem: impl Into<String>) {
        self.failures.push(Entry {
            problem: problem.into(),
            ..entry
        });
    }

    /// For people and programs. It is well only if none failed.
    pub(super) fn report(mut self) -> Report {
        // Those that could not be tried were known first; a reader looks them up in the order of the file.
        self.failures.sort_by_key(|failure| failure.line);
        let text = format!(
            "{} read: {} linked, {} unchanged, {} superseded, {} without an organization, {} failed; {} organizations created",
            self.read,
            self.linked,
            self.unchanged,
            self.superseded,
            self.without_organization,
            self.failures.len(),
            self.organizations_created,
        );
        let complaints = self.failures.iter().map(Entry::to_string).collect();
        Report {
            ok: self.failures.is_empty(),
            complaints,
            ..Report::new(self, text)
        }
    }
}

impl From<SyncFailure> for Entry {
    fn from(failure: SyncFailure) -> Self {
        Self {
            line: None,
            org: failure.org,
            customer: failure.customer,
            problem: failure.problem,
        }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        } else if !self.customer.is_empty() {
            write!(f, "{}: ", self.customer)?;
        }
        f.write_str(&self.problem)
    }
}
