//! Where a new key goes: to the terminal, or into a file that only its user can read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    super::{context::CliError, report::Report},
    view::KeyView,
};
use crate::{api_key::ApiKey, store::KeyRecord};

/// Where the new key is written.
#[derive(Debug, Args)]
pub(in super::super) struct KeyOutput {
    /// Write the key into this new file, which only its user can read, and do not show it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The key's file, which goes away again unless the key was stored.
pub(super) struct PreparedOutput {
    file: Option<PathBuf>,
    is_kept: bool,
}

impl KeyOutput {
    /// Whether the key is shown on standard output.
    pub(super) fn is_shown(&self) -> bool {
        self.out.is_none()
    }

    /// Writes the file before the key is stored, so that no valid key is lost if that fails.
    pub(super) fn prepare(&self, key: &ApiKey) -> Result<PreparedOutput, CliError> {
        if let Some(file) = &self.out {
            write_new(file, key).map_err(|error| {
                let reason = match error.kind() {
                    io::ErrorKind::AlreadyExists => {
                        "exists already, and is not overwritten".to_owned()
                    }
                    _ => format!("cannot be written: {error}"),
                };
                CliError::Other(format!("{} {reason}", file.display()))
            })?;
        }
        Ok(PreparedOutput {
            file: self.out.clone(),
            is_kept: false,
        })
    }
}

impl PreparedOutput {
    /// The report of the key, which was stored. It shows the key unless a file has it.
    pub(super) fn report(mut self, key: ApiKey, record: KeyRecord) -> Report {
        self.is_kept = true;
        let id = &record.id;
        let if_unprinted = format!(
            "the key {id} was created and is accepted, and nobody has it: run billing-portal key revoke {id}"
        );
        let report = KeyView::from(record).report();
        let Some(file) = self.file.take() else {
            return Report {
                new_key: Some(key),
                if_unprinted: Some(if_unprinted),
                ..report
            };
        };
        let file = file.display().to_string();
        let mut json = report.json;
        json["out"] = file.as_str().into();
        Report {
            json,
            text: format!("{}\nThe key is in {file}.", report.text),
            ..Report::default()
        }
    }
}

impl Drop for PreparedOutput {
    fn drop(&mut self) {
        if let (false, Some(file)) = (self.is_kept, &self.file) {
            // The key in it was never stored, so a file that stays is of no use to anybody.
            _ = fs::remove_file(file);
        }
    }
}

/// Also refuses a link at the path, wherever it leads.
fn write_new(path: &Path, key: &ApiKey) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file: File = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let written = file
        .write_all(key.expose().as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all());
    if written.is_err() {
        _ = fs::remove_file(path);
    }
    written
}
