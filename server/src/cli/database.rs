//! `database` and `backup`: moves everything to another database, and copies a file that is in use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde::Serialize;

use super::{
    context::{CliError, Context},
    progress::Progress,
    report::Report,
};
use crate::store::{CopyStep, IfMissing, Store};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Copy everything into an empty database, on the same engine or the other, and compare both
    ///
    /// Stop everything that writes to the first one before. An interrupted copy goes on when it is run again.
    Copy {
        /// The URL of the database to copy; @FILE reads the URL from a file, because it may contain a password
        #[arg(long, value_name = "URL")]
        from: String,
        /// The URL of the empty database; @FILE likewise
        #[arg(long, value_name = "URL")]
        to: String,
    },
}

/// The result of a copy.
#[derive(Serialize)]
struct CopyView {
    rows: u64,
    verified: bool,
}

/// The result of a backup.
#[derive(Serialize)]
struct BackupView {
    file: String,
    bytes: u64,
}

pub(super) async fn execute(command: Command, context: &Context<'_>) -> Result<Report, CliError> {
    let Command::Copy { from, to } = command;
    let from = Store::open(&url(&from)?, IfMissing::Fail).await?;
    let to = Store::open(&url(&to)?, IfMissing::Copy).await?;
    let mut copied = Progress::new("rows copied", None, &context.clock);
    let mut compared = Progress::new("rows compared", None, &context.clock);
    let report = |step| match step {
        CopyStep::Copied(rows) => copied.advance(rows),
        CopyStep::Compared(rows) => compared.advance(rows),
    };
    let rows = from.copy_to(&to, report).await;
    from.close().await;
    to.close().await;
    let rows = rows?;
    let view = CopyView {
        rows,
        verified: true,
    };
    Ok(Report::new(
        view,
        format!("{rows} rows are in both databases and equal"),
    ))
}

/// The URL of an argument, or of the file that it names.
fn url(argument: &str) -> Result<String, CliError> {
    let Some(file) = argument.strip_prefix('@') else {
        return Ok(argument.to_owned());
    };
    let url = fs::read_to_string(file);
    let url = url.map_err(|error| CliError::Other(format!("{file} cannot be read: {error}")))?;
    Ok(url.trim().to_owned())
}

/// Copies the SQLite database to a new file, while the service runs.
pub(super) async fn back_up(file: PathBuf, context: &Context<'_>) -> Result<Report, CliError> {
    let store = context.store().await?;
    let backed_up = store.back_up(&file).await;
    store.close().await;
    backed_up?;
    let shown = shown(&file);
    let bytes = fs::metadata(&file).map_or(0, |metadata| metadata.len());
    let text = format!("{shown} has {bytes} bytes and no damage");
    let view = BackupView { file: shown, bytes };
    Ok(Report::new(view, text))
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}
