//! `customer import`: links customers from a CSV file, which may be an export of Stripe's dashboard.
//!
//! A batch of rows is one transaction, and a mapping that exists is not written again, so that an interrupted import
//! can be re-run.

use std::{fs::File, path::Path};

use chrono::{DateTime, Utc};
use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord, Trim};

use super::{
    super::{
        context::{CliError, Context},
        progress::Progress,
        report::Report,
    },
    summary::{Failure, Summary},
};
use crate::store::{LinkOutcome, LinkPolicy, NewMapping, Store};

/// How many characters of an invalid field are shown: an id has fewer, and a line of the terminal stays readable.
const MAX_SHOWN_CHARACTERS: usize = 100;
/// Rows in one transaction. It holds the database's write lock for less than a tenth of a second.
const BATCH_ROWS: usize = 100;

/// The accepted names of the columns, in lower case. The last of each are those of the dashboard's export.
const ORG: [&str; 5] = [
    "org",
    "org_id",
    "organization",
    "organization_id",
    "org_id (metadata)",
];
const CUSTOMER: [&str; 4] = ["customer", "customer_id", "stripe_customer", "id"];
const NAME: [&str; 2] = ["name", "organization_name"];

/// The positions of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    org: usize,
    customer: usize,
    name: Option<usize>,
    /// Whether the first row names the columns.
    has_header: bool,
}

impl Columns {
    /// The columns that the first row names. A first row with a customer is not a header: its columns are `org,customer`.
    fn of(first: &StringRecord) -> Result<Self, String> {
        let find = |names: &[&str]| {
            let is_named = |field: &str| names.contains(&field.to_lowercase().as_str());
            first.iter().position(is_named)
        };
        match (find(&ORG), find(&CUSTOMER)) {
            (Some(org), Some(customer)) => Ok(Self {
                org,
                customer,
                name: find(&NAME),
                has_header: true,
            }),
            _ if is_mapping(first) => Ok(Self {
                org: 0,
                customer: 1,
                name: None,
                has_header: false,
            }),
            (None, _) => Err(format!("has no column {}", ORG.join(" or "))),
            (_, None) => Err(format!("has no column {}", CUSTOMER.join(" or "))),
        }
    }

    /// The mapping of a row. The error is what is wrong with the row.
    fn mapping(self, row: &StringRecord) -> Result<NewMapping, String> {
        let field = |index: usize| row.get(index).unwrap_or_default();
        Ok(NewMapping {
            org: field(self.org).parse()?,
            customer: field(self.customer).parse()?,
            name: self
                .name
                .map(|name| field(name).to_owned())
                .filter(|name| !name.is_empty()),
        })
    }

    /// The failure of a row, without its problem: line and ids as they were written.
    fn failure(self, row: &StringRecord, line: u64) -> Failure {
        let field = |index: usize| {
            let text = row.get(index).unwrap_or_default();
            text.chars().take(MAX_SHOWN_CHARACTERS).collect()
        };
        Failure {
            line: Some(line),
            org: field(self.org),
            customer: field(self.customer),
            problem: String::new(),
        }
    }
}

fn is_mapping(first: &StringRecord) -> bool {
    first.len() == 2 && first.get(1).is_some_and(|field| field.starts_with("cus_"))
}

/// Imports a file.
pub(super) async fn import(
    file: &Path,
    policy: LinkPolicy,
    context: &Context<'_>,
    store: &Store,
) -> Result<Report, CliError> {
    let unusable = |problem: String| CliError::Other(format!("{} {problem}", file.display()));
    let mut rows = open(file).map_err(unusable)?.into_byte_records().peekable();
    let columns = match rows.peek() {
        Some(Ok(first)) => Columns::of(&text(first)).map_err(unusable)?,
        Some(Err(error)) => return Err(unusable(format!("cannot be read: {error}"))),
        None => return Err(unusable("is empty".to_owned())),
    };
    let header = u64::from(rows.next_if(|_| columns.has_header).is_some());
    let total = count(file).map(|rows| rows.saturating_sub(header));
    let (mut summary, mut batch) = (Summary::default(), Batch::default());
    let mut progress = Progress::new("customers", total, &context.clock);
    let now = context.clock.now();
    for row in rows {
        let row = row.map_err(|error| unusable(format!("cannot be read further: {error}")))?;
        let text = text(&row);
        let failure = columns.failure(&text, row.position().map_or(0, csv::Position::line));
        summary.read += 1;
        match columns.mapping(&text) {
            // The dashboard exports all customers, including those without an organization.
            _ if failure.org.is_empty() && !failure.customer.is_empty() => {
                summary.without_organization += 1;
            }
            Ok(mapping) => batch.add(mapping, failure),
            Err(problem) => summary.fail(failure, problem),
        }
        if batch.mappings.len() == BATCH_ROWS {
            batch.commit(store, policy, now, &mut summary).await?;
        }
        progress.advance(1);
    }
    batch.commit(store, policy, now, &mut summary).await?;
    progress.end();
    Ok(summary.report())
}

/// Replaces bytes that are not UTF-8 by a character that no id contains.
fn text(row: &ByteRecord) -> StringRecord {
    StringRecord::from_byte_record_lossy(row.clone())
}

/// Rows that will be linked in one transaction, each with its failure should it be refused.
#[derive(Default)]
struct Batch {
    mappings: Vec<NewMapping>,
    failures: Vec<Failure>,
}

impl Batch {
    fn add(&mut self, mapping: NewMapping, failure: Failure) {
        self.mappings.push(mapping);
        self.failures.push(failure);
    }

    async fn commit(
        &mut self,
        store: &Store,
        policy: LinkPolicy,
        now: DateTime<Utc>,
        summary: &mut Summary,
    ) -> Result<(), CliError> {
        let began = tokio::time::Instant::now();
        let outcomes = store.link_batch(&self.mappings, policy, now).await?;
        for (outcome, failure) in outcomes.into_iter().zip(self.failures.drain(..)) {
            summary.count(&outcome);
            if let LinkOutcome::Refused(problem) = outcome {
                summary.fail(failure, problem);
            }
        }
        self.mappings.clear();
        // SQLite has no queue for writers: the import waits for half as long as it wrote, so that the service can write.
        tokio::time::sleep(began.elapsed() / 2).await;
        Ok(())
    }
}

fn open(file: &Path) -> Result<Reader<File>, String> {
    ReaderBuilder::new()
        .has_headers(false)
        // A row with too few fields is reported with its line, and does not end the import.
        .flexible(true)
        .trim(Trim::All)
        .from_path(file)
        .map_err(|error| format!("cannot be read: {error}"))
}

/// The number of rows, for the progress: reading a file is far faster than writing it to the database. `None` for a
/// pipe, which can be read only once.
fn count(file: &Path) -> Option<u64> {
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    let rows = is_file.then(|| open(file))?.ok()?;
    rows.into_byte_records().count().try_into().ok()
}
