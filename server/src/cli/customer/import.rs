//! `customer import`: mappings from a CSV file, which may be the one that Stripe's dashboard exports.
//!
//! A batch of rows is one transaction and a row that is in force already is left alone, so an import that was
//! interrupted is taken up by running it again.

use std::{fs::File, path::Path};

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord, Trim};

use super::{
    super::{Failure, Report, Session, progress::Progress},
    summary::{Entry, Tally},
};
use crate::store::{Linked, Mapping, Policy, Store};

/// So much is shown of a field that is wrong.
const MAX_SHOWN: usize = 100;
const BATCH: usize = 100;

/// What a column may be called, in lower case. The last ones are the dashboard's words.
const ORG: [&str; 5] = [
    "org",
    "org_id",
    "organization",
    "organization_id",
    "org_id (metadata)",
];
const CUSTOMER: [&str; 4] = ["customer", "customer_id", "stripe_customer", "id"];
const NAME: [&str; 2] = ["name", "organization_name"];

/// Where in a row what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    org: usize,
    customer: usize,
    name: Option<usize>,
    /// Whether the first row says so.
    has_header: bool,
}

impl Columns {
    /// The columns that the first row names; a first row that has a customer is no header, but `org,customer`.
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

    /// A row as a mapping, or what is wrong with it.
    fn mapping(self, row: &StringRecord, as_of: i64) -> Result<Mapping, String> {
        let field = |index: usize| row.get(index).unwrap_or_default();
        Ok(Mapping {
            org: field(self.org).parse()?,
            customer: field(self.customer).parse()?,
            name: self
                .name
                .map(|name| field(name).to_owned())
                .filter(|name| !name.is_empty()),
            as_of,
        })
    }

    /// A row as it was written.
    fn entry(self, row: &StringRecord, line: u64) -> Entry {
        let field = |index: usize| {
            let text = row.get(index).unwrap_or_default();
            text.chars().take(MAX_SHOWN).collect()
        };
        Entry {
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
    policy: Policy,
    session: &Session,
    store: &Store,
) -> Result<Report, Failure> {
    let unusable = |problem: String| Failure::Other(format!("{} {problem}", file.display()));
    let total = count(file);
    let mut rows = open(file).map_err(unusable)?.into_byte_records().peekable();
    let columns = match rows.peek() {
        Some(Ok(first)) => Columns::of(&text(first)).map_err(unusable)?,
        Some(Err(error)) => return Err(unusable(format!("cannot be read: {error}"))),
        None => return Err(unusable("is empty".to_owned())),
    };
    let header = u64::from(rows.next_if(|_| columns.has_header).is_some());
    let total = total.map(|total| total.saturating_sub(header));
    let (mut tally, mut batch) = (Tally::default(), Batch::default());
    let mut progress = Progress::new("customers", total, &session.clock);
    let now = session.clock.now().timestamp();
    for row in rows {
        let row = row.map_err(|error| unusable(format!("cannot be read on: {error}")))?;
        let text = text(&row);
        let entry = columns.entry(&text, row.position().map_or(0, csv::Position::line));
        tally.read += 1;
        match columns.mapping(&text, now) {
            // The dashboard exports all customers, also those that are no organization's.
            _ if entry.org.is_empty() && !entry.customer.is_empty() => {
                tally.without_organization += 1;
            }
            Ok(mapping) => batch.add(mapping, entry),
            Err(problem) => tally.fail(entry, problem),
        }
        if batch.mappings.len() == BATCH {
            batch.commit(store, policy, now, &mut tally).await?;
        }
        progress.advance(1);
    }
    batch.commit(store, policy, now, &mut tally).await?;
    progress.end();
    Ok(tally.report())
}

/// A byte that is no text is replaced by a character that no id has.
fn text(row: &ByteRecord) -> StringRecord {
    StringRecord::from_byte_record_lossy(row.clone())
}

/// Rows that are waiting to be put in force together.
#[derive(Default)]
struct Batch {
    mappings: Vec<Mapping>,
    entries: Vec<Entry>,
}

impl Batch {
    fn add(&mut self, mapping: Mapping, entry: Entry) {
        self.mappings.push(mapping);
        self.entries.push(entry);
    }

    async fn commit(
        &mut self,
        store: &Store,
        policy: Policy,
        now: i64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let began = tokio::time::Instant::now();
        let linked = store.link_batch(&self.mappings, policy, now, None).await?;
        for (linked, entry) in linked.into_iter().zip(self.entries.drain(..)) {
            tally.count(&linked);
            if let Linked::Refused(problem) = linked {
                tally.fail(entry, problem);
            }
        }
        self.mappings.clear();
        // The service is to have its turn to write, and SQLite keeps no queue: a third of the time is its.
        tokio::time::sleep(began.elapsed() / 2).await;
        Ok(())
    }
}

fn open(file: &Path) -> Result<Reader<File>, String> {
    ReaderBuilder::new()
        .has_headers(false)
        // A row with too few fields is told by its line, instead of ending the import.
        .flexible(true)
        .trim(Trim::All)
        .from_path(file)
        .map_err(|error| format!("cannot be read: {error}"))
}

/// The number of rows, for the progress; reading a file is far faster than writing it to the database. What is no file
/// can be read only once.
fn count(file: &Path) -> Option<u64> {
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    let rows = is_file.then(|| open(file))?.ok()?;
    rows.into_byte_records().count().try_into().ok()
}
