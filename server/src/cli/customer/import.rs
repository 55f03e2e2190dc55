//! `customer import`: links customers from a CSV file, which may be an export of Stripe's dashboard.
//!
//! A batch of rows is one transaction, and a mapping that exists is not written again, so that an interrupted import
//! can be re-run.

use std::{fs, path::Path};

use chrono::{DateTime, Utc};
use csv::StringRecord;

use super::{
    super::{
        context::{CliError, Context},
        name::parse_name,
        progress::Progress,
        report::Report,
    },
    csv_file::{Columns, CsvFile},
    summary::{Failure, Summary},
};
use crate::{
    redaction::redact,
    store::{LinkOutcome, LinkPolicy, NewMapping, Store},
};

/// How many characters of an invalid field are shown: an id has fewer, and a line of the terminal stays readable.
const MAX_SHOWN_CHARACTERS: usize = 100;
/// The most that is read from standard input: a hundred times a file of a hundred thousand customers.
const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;
/// Rows in one transaction. It holds the database's write lock for less than a tenth of a second.
const BATCH_ROWS: usize = 100;

impl Columns {
    /// The mapping of a row. The error is what is wrong with the row.
    fn mapping(self, row: &StringRecord) -> Result<NewMapping, String> {
        let field = |index: usize| row.get(index).unwrap_or_default();
        Ok(NewMapping {
            org: field(self.org).parse()?,
            customer: field(self.customer).parse()?,
            name: self
                .name
                .map(field)
                .filter(|name| !name.is_empty())
                .map(parse_name)
                .transpose()?,
        })
    }

    /// The failure of a row, without its problem: line and ids as they were written.
    fn failure(self, row: &StringRecord, line: u64) -> Failure {
        let field = |index: usize| {
            let text = row.get(index).unwrap_or_default();
            // Before the cut, which may leave too little of a secret to recognize it.
            redact(text).chars().take(MAX_SHOWN_CHARACTERS).collect()
        };
        Failure {
            line: Some(line),
            org: field(self.org),
            customer: field(self.customer),
            problem: String::new(),
        }
    }
}

/// The file or, for `-`, standard input: its name for messages, and its bytes.
fn read(file: &Path, context: &Context<'_>) -> Result<(String, Vec<u8>), CliError> {
    let (name, bytes) = if file == Path::new("-") {
        let bytes = context.read_stdin(MAX_FILE_BYTES);
        ("standard input".to_owned(), bytes)
    } else {
        (file.display().to_string(), fs::read(file))
    };
    match bytes {
        Ok(bytes) => Ok((name, bytes)),
        Err(error) => Err(CliError::Other(format!("{name} cannot be read: {error}"))),
    }
}

/// Imports a file.
pub(super) async fn import(
    file: &Path,
    policy: LinkPolicy,
    context: &Context<'_>,
    store: &Store,
) -> Result<Report, CliError> {
    let (name, bytes) = read(file, context)?;
    let unusable = |problem: String| CliError::Other(format!("{name} {problem}"));
    let csv = CsvFile::parse(&bytes).map_err(unusable)?;
    let columns = csv.columns;
    let header = usize::from(columns.has_header);
    let total = csv.reader().into_records().skip(header).count();
    let total = u64::try_from(total).ok();
    let (mut summary, mut batch) = (Summary::default(), Batch::default());
    let mut progress = Progress::new("customers", total, &context.clock);
    let now = context.clock.now();
    let mut lines = csv.lines();
    for row in csv.reader().into_records().skip(header) {
        let row = row.map_err(|error| unusable(format!("cannot be read further: {error}")))?;
        let position = row.position().map_or(0, csv::Position::byte);
        let line = lines.of_row(usize::try_from(position).unwrap_or(usize::MAX));
        let failure = columns.failure(&row, line);
        summary.read += 1;
        match columns.mapping(&row) {
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
