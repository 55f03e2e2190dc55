//! How much memory a process uses.

use super::process::Process;

/// The memory of a process that is in use, in KiB.
pub(crate) fn resident_kib(process: &Process) -> usize {
    let status = process.proc("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.trim().strip_suffix(" kB"));
    size.expect("a size").parse().expect("a number")
}
