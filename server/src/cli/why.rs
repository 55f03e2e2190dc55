//! `why`: what was decided about a request, why, whose turn it is, and what to do, from the service's log alone.

mod encoding;
mod facts;
mod log_search;
mod view;

use std::{
    fs::File,
    io::{self, BufReader},
    path::Path,
    sync::PoisonError,
};

use ulid::Ulid;

use super::{
    context::{CliError, Context},
    report::Report,
    terminal::{Colour, Highlights},
};
use crate::escaping::printable_field;
use facts::Facts;
use log_search::Found;
use view::View;

/// What is read at once: large enough that a log of 100 MB takes a few hundred system calls.
const READ_BYTES: usize = 256 * 1024;

const HIGHLIGHTS: Highlights = &[
    ("decided:", Colour::Bold),
    ("why:", Colour::Bold),
    ("turn:", Colour::Yellow),
    ("do:", Colour::Yellow),
    ("runbook:", Colour::Bold),
    ("Stripe:", Colour::Bold),
    ("trace:", Colour::Bold),
];

const NOT_AN_ID: &str = "is not a request id: 26 digits and capital letters, as in the header X-Request-Id and in \
                         error.request_id";

/// Explains the request.
pub(super) fn why(request_id: &str, log: &Path, context: &Context<'_>) -> Result<Report, CliError> {
    let Ok(id) = request_id.trim().parse::<Ulid>() else {
        let given = printable_field(request_id);
        return Err(CliError::Other(format!("{given} {NOT_AN_ID}")));
    };
    let (name, found) = read(log, &id.to_string(), context);
    let unreadable = |error| CliError::Other(format!("{name} cannot be read: {error}"));
    let found = found.map_err(unreadable)?;
    if found.lines.is_empty() {
        let id = id.to_string();
        let problem = match found.encoding {
            Some(encoding) if found.others == 0 => format!("{name} {}", encoding.advice(log, &id)),
            _ => missing(&id, &name, found.others),
        };
        return Err(CliError::Other(problem));
    }
    let view = View::new(id.to_string(), Facts::of(&found.lines));
    let text = view.text();
    Ok(Report {
        highlights: HIGHLIGHTS,
        ..Report::new(view, text)
    })
}

fn read(log: &Path, id: &str, context: &Context<'_>) -> (String, io::Result<Found>) {
    if log == Path::new("-") {
        let mut stdin = context.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = BufReader::with_capacity(READ_BYTES, &mut **stdin);
        return ("standard input".to_owned(), log_search::search(reader, id));
    }
    let found = File::open(log).and_then(|file| {
        let reader = BufReader::with_capacity(READ_BYTES, file);
        log_search::search(reader, id)
    });
    (log.display().to_string(), found)
}

fn missing(id: &str, name: &str, others: usize) -> String {
    if others > 0 {
        return format!(
            "{name} has {id} in {others} lines, but none is a line of the service as JSON; set log_format to json"
        );
    }
    format!(
        "{name} has no line with {id}; it may be in an older file, in the log of another instance, or left out because \
         its address sent many such requests"
    )
}
