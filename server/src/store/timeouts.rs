//! How long the store waits.

use std::time::Duration;

/// How long a request waits for a connection, a lock or a row. A look-up takes less than a millisecond; a caller is
/// better off with a 503 than with a wait.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a transaction waits until other writers, in this process or another, have finished. A batch of an import
/// holds the lock for a tenth of a second at most.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a revocation waits for other writers. It must not fail because of a backup or an import, and a person who
/// waits longer than this looks for the process that holds the lock.
pub(super) const REVOCATION_TIMEOUT: Duration = Duration::from_secs(30);
/// How long opening waits for other processes. One that creates the database needs less than a second, and several may
/// queue on a busy machine.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
