//! The result of a run over many customers: counts, and each failure.

use serde::Serialize;

use super::super::report::Report;
use crate::{
    escaping::printable_field,
    store::{LinkOutcome, SyncFailure},
};

/// The counts and the failures. The fields are those of the command's JSON.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    /// Customers that were read.
    pub read: usize,
    /// Mappings that were created or changed.
    pub linked: usize,
    /// Mappings that were there before.
    pub unchanged: usize,
    /// Mappings that were not written, because the organization has a newer one or was unlinked since.
    pub superseded: usize,
    /// Customers that name no organization.
    pub without_organization: usize,
    /// Organizations that were created.
    pub organizations_created: usize,
    /// Each customer that was not linked, and why.
    pub failures: Vec<Failure>,
}

/// A customer that was not linked, with its ids as they were written.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Failure {
    /// The line in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The organization, as it was written.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub org: String,
    /// The customer, as it was written.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub customer: String,
    /// Why it was not linked.
    pub problem: String,
}

impl Summary {
    /// Counts the outcome of one mapping. A refusal is not counted: [`Self::fail`] lists it.
    pub(super) fn count(&mut self, outcome: &LinkOutcome) {
        match outcome {
            LinkOutcome::Linked {
                organization_created,
            } => {
                self.linked += 1;
                self.organizations_created += usize::from(*organization_created);
            }
            LinkOutcome::Unchanged => self.unchanged += 1,
            LinkOutcome::Superseded => self.superseded += 1,
            LinkOutcome::Refused(_) => {}
        }
    }

    /// Adds a failure.
    pub(super) fn fail(&mut self, failure: Failure, problem: impl Into<String>) {
        self.failures.push(Failure {
            problem: problem.into(),
            ..failure
        });
    }

    /// The command's report. It has failed if there is any failure.
    pub(super) fn report(mut self) -> Report {
        // Malformed rows were found before refused ones; a reader looks for them in the order of the file.
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
        let failures: Vec<String> = self.failures.iter().map(Failure::to_string).collect();
        Report {
            failed: !failures.is_empty(),
            failures,
            ..Report::new(self, text)
        }
    }
}

impl From<SyncFailure> for Failure {
    fn from(failure: SyncFailure) -> Self {
        Self {
            line: None,
            org: failure.org,
            customer: failure.customer,
            problem: failure.problem,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        } else if !self.customer.is_empty() {
            write!(f, "{}: ", printable_field(&self.customer))?;
        }
        f.write_str(&printable_field(&self.problem))
    }
}
