//! How long the store waits.

use std::time::Duration;

/// How long a request waits for a connection, a lock or a row. A look-up takes a few milliseconds at most; a caller is
/// better off with a 503 within a second than with a wait.
pub(super) const READ_TIMEOUT: Duration = Duration::from_millis(800);
/// How long a reading of the change counter may take: a reading begins every half second.
pub(super) const CHANGES_TIMEOUT: Duration = Duration::from_millis(450);
/// How long a command waits for a connection to a server. Requests and writers wait as long as their own timeouts say.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a list may take. Commands and tests of a database read everything that it has.
pub(super) const LIST_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a transaction waits until other writers, in this process or another, have finished. A batch of an import
/// holds the lock for a tenth of a second at most.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a revocation waits for other writers. It must not fail because of a backup or an import, and a person who
/// waits longer than this looks for the process that holds the lock.
pub(super) const REVOCATION_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one statement of a writer may take: each changes a few rows, and deletes what has expired.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a writer may pause between two statements. It holds the lock of all writers, and its machine may have died.
pub(super) const WRITER_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long opening waits for other processes. One that creates the database needs less than a second, and several may
/// queue on a busy machine.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// The wait between two attempts to open a database that another process has locked.
pub(super) const OPEN_RETRY: Duration = Duration::from_millis(20);
