//! Files of the configuration, and who else can use those that hold a secret.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use rustix::fs::{StatVfsMountFlags, fstatvfs};

use crate::redaction::redact;

/// The largest file that is read. A configuration has a few KiB; a device never ends.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Some editors write it at the start of a file. It is not a part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

const READABLE_BY_OTHERS: u32 = 0o004;
const WRITABLE_BY_OTHERS: u32 = 0o002;

/// A file that was read.
pub(super) struct TextFile {
    pub(super) text: String,
    /// The path, as messages show it.
    pub(super) name: String,
    mode: u32,
    is_read_only: bool,
}

impl TextFile {
    /// Reads the file, behind a symbolic link too. The error names the file and the reason.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let name = redact(&path.display().to_string()).into_owned();
        read(path)
            .map(|(text, mode, is_read_only)| {
                let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
                Self {
                    text: text.to_owned(),
                    name: name.clone(),
                    mode,
                    is_read_only,
                }
            })
            .map_err(|error| format!("{name} {}", reason(&error)))
    }

    /// Why a secret in this file cannot be trusted: another user could have written it.
    pub(super) fn writable_by_others(&self) -> Option<String> {
        let name = &self.name;
        let is_writable = self.mode & WRITABLE_BY_OTHERS != 0 && !self.is_read_only;
        is_writable.then(|| format!("{name} can be written by every user; run chmod o-w {name}"))
    }

    /// A reason to change the file's mode. Container platforms mount secrets so, and then it does no harm.
    pub(super) fn readable_by_others(&self) -> Option<String> {
        let name = &self.name;
        let is_readable = self.mode & READABLE_BY_OTHERS != 0;
        is_readable.then(|| {
            format!(
                "{name} can be read by every user of this host or container; run chmod o-r {name}, or set a stricter \
                 mode where the secret is mounted"
            )
        })
    }
}

/// The text, the mode, and whether the file system is read-only, all of the file that was opened.
fn read(path: &Path) -> io::Result<(String, u32, bool)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let is_read_only = fstatvfs(&file)?.f_flag.contains(StatVfsMountFlags::RDONLY);
    let mut text = String::new();
    let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok((text, mode, is_read_only))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "does not exist".to_owned(),
        ErrorKind::PermissionDenied => {
            "may not be read by the user that runs the service".to_owned()
        }
        ErrorKind::IsADirectory => "is a directory, not a file".to_owned(),
        ErrorKind::InvalidData => "is not text in UTF-8".to_owned(),
        ErrorKind::FileTooLarge => "is larger than 1 MiB".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
