//! The file of a SQLite database: which URLs name one, who may read it, and what keeps this process from using it.

use std::{
    borrow::Cow,
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use rustix::{
    fs::{Access, AtFlags, CWD, accessat},
    io::Errno,
};
use sqlx::sqlite::SqliteConnectOptions;
use url::form_urlencoded;

/// Only the user of the service reads and writes the file. SQLite gives `-wal` and `-shm` the same permissions.
const FILE_MODE: u32 = 0o600;
/// The permissions of everybody but the user of the service.
const MODE_OF_OTHERS: u32 = 0o077;

/// Why a URL names no file.
const IN_MEMORY: &str = "names no file: a database in memory is lost when the process ends, and no other process sees \
                         it; use sqlite://FILE";

/// The file that a `sqlite:` URL names. The error says what is wrong with the URL, without quoting it.
pub(crate) fn path_of_url(url: &str) -> Result<PathBuf, &'static str> {
    let options = SqliteConnectOptions::from_str(url);
    let options = options.map_err(|_| "must be sqlite://FILE, optionally with mode=ro")?;
    let path = options.get_filename();
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let parameters: Vec<_> = form_urlencoded::parse(parameters.as_bytes()).collect();
    let in_memory = parameters
        .iter()
        .any(|(name, value)| matches!((&**name, &**value), ("mode", "memory") | ("vfs", "memdb")));
    let name = path.as_os_str().as_encoded_bytes();
    // sqlx gives a database in memory a name of its own.
    let has_no_file = |name: &[u8]| {
        let names = [&b":memory:"[..], b"file:sqlx-in-memory", b"file::memory:"];
        name.trim_ascii().is_empty() || names.iter().any(|prefix| name.starts_with(prefix))
    };
    if in_memory || has_no_file(name) {
        return Err(IN_MEMORY);
    }
    let is_immutable = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| {
        name == "immutable" && !matches!(&**value, "false" | "0")
    };
    if parameters.iter().any(is_immutable) {
        return Err("immutable is for files that nobody writes; remove it");
    }
    if name.starts_with(b"file:") {
        return Err("must name the file by its path, not by another URL");
    }
    Ok(path.to_owned())
}

/// A file, whatever its name and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// The file that is at the path now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// Whether there is a file with content. An empty file is not a database yet.
pub(super) fn has_content(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// The log of another database that was at the path, if it was left behind. SQLite would take it for the log of the
/// database that is about to be created.
pub(super) fn stray_log(path: &Path) -> Option<String> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // In this order: a database that another process is creating has content before its log has.
    let stray = has_content(Path::new(&log)) && !has_content(path);
    stray.then(|| {
        format!(
            "cannot be created: {} belongs to a database that was here before; move it away",
            Path::new(&log).display()
        )
    })
}

/// Creates the file if it does not exist.
pub(super) fn create_if_missing(path: &Path) -> io::Result<()> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path);
    match created {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        created => created.map(drop),
    }
}

/// The permissions of the file, or of a file that SQLite keeps beside it, if others than the user of the service have
/// any.
pub(crate) fn permissions_of_others(path: &Path) -> Option<u32> {
    let mode = |suffix: &str| {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let metadata = fs::metadata(file).ok()?;
        Some(metadata.permissions().mode() & 0o777)
    };
    ["", "-wal", "-shm"]
        .into_iter()
        .filter_map(mode)
        .find(|mode| mode & MODE_OF_OTHERS != 0)
}

/// What keeps this process from opening the file, or from creating it where it does not exist.
pub(super) fn obstacle(path: &Path) -> Option<String> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Some("is a directory, not a file".to_owned()),
        Ok(metadata) if !metadata.is_file() => Some("is not a regular file".to_owned()),
        // Not by opening it: closing a file ends this process's locks on it (fcntl).
        Ok(_) => match accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS) {
            Ok(()) => None,
            Err(Errno::ACCESS) => Some(format!("is not readable by {}", user())),
            Err(error) => Some(format!("cannot be read: {error}")),
        },
        Err(error) => match error.kind() {
            ErrorKind::NotFound if path.is_symlink() => {
                Some("is a symbolic link to a file that does not exist".to_owned())
            }
            ErrorKind::NotFound => obstacle_to_creation(folder_of(path)),
            ErrorKind::NotADirectory => Some("is in a folder that is a file".to_owned()),
            ErrorKind::PermissionDenied => {
                Some(format!("is in a folder that {} may not enter", user()))
            }
            _ => Some(format!("cannot be used: {error}")),
        },
    }
}

fn obstacle_to_creation(folder: &Path) -> Option<String> {
    let shown = folder.display();
    match fs::metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Some(format!("cannot be created: no such folder: {shown}"))
        }
        Err(error) => Some(format!("cannot be created: folder {shown}: {error}")),
        Ok(_) => obstacle_to_writing(folder)
            .map(|obstacle| format!("cannot be created: folder {shown} {obstacle}")),
    }
}

/// What keeps this process from writing to a file or a folder.
pub(super) fn obstacle_to_writing(path: &Path) -> Option<String> {
    match accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS) {
        Ok(()) => None,
        Err(Errno::ROFS) => Some("is on a read-only file system".to_owned()),
        Err(Errno::ACCESS) => Some(format!("is not writable by {}", user())),
        Err(error) => Some(format!("cannot be written: {error}")),
    }
}

/// The folder that holds the file.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The user that this process runs as.
fn user() -> String {
    format!("uid {}", rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s19_a_url_of_a_database_in_memory_or_of_a_fixed_file_is_refused() {
        #[rustfmt::skip]
        let refused = [
            "sqlite::memory:", "sqlite://:memory:", "sqlite:", "sqlite://", "sqlite://?mode=rwc", "sqlite:%3Amemory%3A",
            "sqlite://x.db?mode=memory", "sqlite:x.db?cache=shared&mode=memory", "sqlite:///x.db?vfs=memdb", "sqlite:%20",
            "sqlite:file::memory:", "sqlite:file:x.db?mode=memory", "sqlite:x.db?mode=nonsense",
            "sqlite:x.db?immutable=true", "sqlite:x.db?mode=ro&immutable=1",
        ];
        for url in refused {
            assert!(path_of_url(url).is_err(), "{url}");
        }
        for (url, path) in [
            ("sqlite://x.db", "x.db"),
            ("sqlite:x.db", "x.db"),
            ("sqlite:///var/lib/x.db?mode=ro", "/var/lib/x.db"),
            ("sqlite://memory", "memory"),
        ] {
            assert_eq!(path_of_url(url), Ok(PathBuf::from(path)), "{url}");
        }
    }
}
