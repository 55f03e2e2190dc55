//! A CSV file as people have it: which character separates its fields, which columns it has, and what makes the whole
//! file unusable.

use csv::{Reader, ReaderBuilder, StringRecord, Trim};

use super::lines::Lines;
use crate::redaction::redact;

/// What may separate fields. The most usual first.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The names of the columns, in lower case and without anything but letters and digits. The best match first. Stripe's
/// dashboard exports `id` and `org_id (metadata)`.
const ORG: [&str; 7] = [
    "org",
    "orgid",
    "organization",
    "organizationid",
    "organisation",
    "organisationid",
    "orgidmetadata",
];
const CUSTOMER: [&str; 5] = [
    "customer",
    "customerid",
    "stripecustomer",
    "stripecustomerid",
    "id",
];
const NAME: [&str; 5] = [
    "name",
    "orgname",
    "organizationname",
    "organisationname",
    "customername",
];

/// The positions of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    /// The organization's id.
    pub org: usize,
    /// The customer's id.
    pub customer: usize,
    /// The organization's name.
    pub name: Option<usize>,
    /// Whether the first row names the columns.
    pub has_header: bool,
}

/// A file whose form is known.
pub(super) struct CsvFile<'a> {
    rows: &'a str,
    separator: char,
    /// How many lines stand before the rows.
    skipped_lines: u64,
    /// Its columns.
    pub columns: Columns,
}

impl<'a> CsvFile<'a> {
    /// Examines a whole file. The error says what makes it unusable, with the line.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let text = utf8(bytes)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (declared, rows) = declared_separator(text);
        let skipped_lines = u64::from(declared.is_some());
        let candidates = declared.map_or(SEPARATORS.to_vec(), |separator| vec![separator]);
        let first = |separator: char| reader(rows, separator).records().next()?.ok();
        let known = |separator: &char| Some((*separator, Columns::of(&first(*separator)?)?));
        if let Some((separator, columns)) = candidates.iter().find_map(known) {
            require_closed_quotes(rows, separator, skipped_lines)?;
            return Ok(Self {
                rows,
                separator,
                skipped_lines,
                columns,
            });
        }
        // The separator that makes the most columns is the one that was meant.
        let separator = candidates.into_iter().rev();
        let fields = |separator: &char| first(*separator).map_or(0, |first| first.len());
        let separator = separator.max_by_key(fields).unwrap_or(',');
        require_closed_quotes(rows, separator, skipped_lines)?;
        Err(first(separator).map_or("is empty".to_owned(), |first| missing_columns(&first)))
    }

    /// The rows, with the header if there is one.
    pub(super) fn reader(&self) -> Reader<&'a [u8]> {
        reader(self.rows, self.separator)
    }

    /// The lines in which the rows begin, as they are numbered in the file. The parser's own number is that of the line
    /// before where lines end with CR LF.
    pub(super) fn lines(&self) -> Lines<'a> {
        Lines::new(self.rows.as_bytes(), self.skipped_lines + 1)
    }
}

impl Columns {
    /// The columns that the first row names. A first row with a customer is not a header: its columns are `org,customer`.
    fn of(first: &StringRecord) -> Option<Self> {
        let normalized: Vec<String> = first.iter().map(normalize).collect();
        let find = |names: &[&str]| {
            let position = |name: &&str| normalized.iter().position(|field| field == name);
            names.iter().find_map(position)
        };
        match (find(&ORG), find(&CUSTOMER)) {
            (Some(org), Some(customer)) => Some(Self {
                org,
                customer,
                name: find(&NAME),
                has_header: true,
            }),
            _ if is_mapping(first) => Some(Self {
                org: 0,
                customer: 1,
                name: None,
                has_header: false,
            }),
            _ => None,
        }
    }
}

fn normalize(field: &str) -> String {
    let kept = field
        .chars()
        .filter(|character| character.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

fn is_mapping(first: &StringRecord) -> bool {
    let is_customer = |field: &str| field.starts_with("cus_") || field.starts_with("acct_");
    first.len() == 2 && first.get(1).is_some_and(is_customer)
}

fn missing_columns(first: &StringRecord) -> String {
    /// The most columns and characters that the message shows: a line of the terminal stays readable.
    const MAX_SHOWN_COLUMNS: usize = 20;
    const MAX_SHOWN_CHARACTERS: usize = 40;
    let shown = |field: &str| {
        // Before the cut, which may leave too little of a secret to recognize it.
        let field = redact(field);
        field.chars().take(MAX_SHOWN_CHARACTERS).collect::<String>()
    };
    let found: Vec<String> = first.iter().take(MAX_SHOWN_COLUMNS).map(shown).collect();
    format!(
        "needs the columns org and customer, separated by comma, semicolon or tab; its first row has: {}",
        found.join(" | ")
    )
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    str::from_utf8(bytes).map_err(|error| {
        let line = Lines::new(bytes, 1).at(error.valid_up_to());
        format!("line {line} is not UTF-8; save the file as UTF-8")
    })
}

/// The separator that a first line `sep=;` declares, as Excel writes it, and the text after that line.
fn declared_separator(text: &str) -> (Option<char>, &str) {
    let end = text.find(['\r', '\n']).unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    let line = line.trim_matches('"');
    let rest = rest
        .strip_prefix("\r\n")
        .unwrap_or_else(|| rest.get(1..).unwrap_or_default());
    let declared = match line.split_at_checked(4) {
        Some((name, separator)) if name.eq_ignore_ascii_case("sep=") => separator.chars().next(),
        _ => None,
    };
    match declared.filter(char::is_ascii) {
        Some(separator) => (Some(separator), rest),
        None => (None, text),
    }
}

/// Fails for a quote that is open at the end: everything after it would be one field.
fn require_closed_quotes(rows: &str, separator: char, skipped_lines: u64) -> Result<(), String> {
    let (mut opened, mut field_begins) = (None, true);
    for (position, character) in rows.char_indices() {
        match (character, opened) {
            ('"', Some(_)) => opened = None,
            // Inside of a field that began with a quote, two quotes are one.
            ('"', None) if field_begins => opened = Some(position),
            _ => {}
        }
        // A second quote directly after a closing one opens the field again.
        field_begins = character == separator || matches!(character, '\n' | '\r' | '"');
    }
    let Some(position) = opened else {
        return Ok(());
    };
    let line = Lines::new(rows.as_bytes(), skipped_lines + 1).at(position);
    Err(format!("line {line} has a quote that is not closed"))
}

fn reader(rows: &str, separator: char) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .delimiter(u8::try_from(separator).unwrap_or(b','))
        .has_headers(false)
        // A row with too few fields is reported with its line, and does not end the import.
        .flexible(true)
        .trim(Trim::All)
        .from_reader(rows.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A field as programs write it: in quotes if it has to be, or always.
    fn quoted(field: &str, separator: char, always: bool) -> String {
        let has_to_be = field.contains([separator, '"', '\n', '\r']);
        if always || has_to_be {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.to_owned()
        }
    }

    proptest! {
        #[test]
        fn each_mapping_that_is_written_is_read(
            rows in prop::collection::vec(("[A-Za-z0-9._-]{1,20}", "cus_[A-Za-z0-9]{1,14}", "[a-zäß\"',; ]{0,12}"), 1..20),
            separator in prop::sample::select(SEPARATORS.to_vec()),
            (org, customer) in prop::sample::select(vec![("org", "customer"), ("Organization ID", "Stripe customer"), ("orgId", "Customer ID"), ("org_id (metadata)", "id")]),
            (bom, declared, crlf, always) in any::<(bool, bool, bool, bool)>(),
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let line = |fields: [&str; 3]| fields.map(|field| quoted(field, separator, always)).join(&separator.to_string()) + end;
            let declaration = if declared { format!("sep={separator}{end}") } else { String::new() };
            let mut text = [if bom { "\u{feff}" } else { "" }, &declaration].concat();
            text += &line([org, "name", customer]);
            for (org, customer, name) in &rows {
                text += &line([org, name, customer]);
            }
            let file = CsvFile::parse(text.as_bytes());
            let file = file.map_err(|problem| TestCaseError::fail(format!("{problem}: {text}")))?;
            let columns = Columns { org: 0, customer: 2, name: Some(1), has_header: true };
            prop_assert_eq!(file.columns, columns);
            prop_assert_eq!(file.skipped_lines, u64::from(declared));
            let read: Result<Vec<StringRecord>, _> = file.reader().into_records().skip(1).collect();
            let read = read.expect("rows");
            prop_assert_eq!(read.len(), rows.len());
            for (read, (org, customer, name)) in read.iter().zip(&rows) {
                prop_assert_eq!(&[&read[0], &read[1], &read[2]], &[org, name.trim(), customer.as_str()]);
            }
        }

        #[test]
        fn whatever_a_file_holds_it_is_read_or_refused_in_one_short_line(
            text in "(org|customer|cus_1|sep=|[,;\t\"\n]|\\PC){0,60}",
            bytes in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            for file in [text.into_bytes(), bytes] {
                match CsvFile::parse(&file) {
                    Ok(file) => prop_assert!(file.columns.org != file.columns.customer),
                    Err(problem) => prop_assert!(problem.chars().count() < 2_000, "{problem}"),
                }
            }
        }
    }
}
