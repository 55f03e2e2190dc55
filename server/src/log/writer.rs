//! The thread that writes the log, so that nothing else ever waits for standard error.

use std::{
    io::{self, ErrorKind, Write},
    thread,
    time::Duration,
};

use super::{
    batch::Batch,
    queue::{LogCounts, Queue},
};

/// The wait after a failed write. A full disk is not emptied faster.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// How long lines are gathered before they are written. Under load, waking this thread for each line costs more than
/// writing it; nobody who reads a log notices two milliseconds.
const GATHERING_TIME: Duration = Duration::from_millis(2);

/// Writes what is queued, for ever.
pub(super) fn run(queue: &Queue, mut output: impl Write) {
    let mut reported = LogCounts::default();
    loop {
        queue.wait_for_lines();
        thread::sleep(GATHERING_TIME);
        while let Some(batch) = queue.next_batch() {
            match write(&batch, queue, &mut output) {
                Ok(()) => {
                    queue.written(batch);
                    report(queue.counts(), &mut reported);
                }
                // Without a report: it would be lost, too, and reported again, for ever.
                Err(_) => queue.lost(batch),
            }
        }
    }
}

/// Writes a whole batch. A failure that can pass, such as a full disk, is counted and the rest is written again until
/// it succeeds. A reader that is gone never returns: that is the error.
fn write(batch: &Batch, queue: &Queue, output: &mut impl Write) -> io::Result<()> {
    let mut rest = batch.bytes.as_slice();
    while !rest.is_empty() {
        match output.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                queue.write_failed();
                if error.kind() == ErrorKind::BrokenPipe {
                    return Err(error);
                }
                thread::sleep(RETRY_INTERVAL);
            }
        }
    }
    Ok(())
}

/// Reports, once writing works, what failed or was lost meanwhile.
fn report(counts: LogCounts, reported: &mut LogCounts) {
    let failures = counts.write_failures - reported.write_failures;
    let (records, lines) = counts.dropped_since(*reported);
    *reported = counts;
    if failures > 0 || records > 0 {
        tracing::error!(
            event = "log_write_failed",
            alert = true,
            failures,
            records_dropped = records,
            lines_dropped = lines
        );
    } else if lines > 0 {
        tracing::warn!(event = "log_lines_dropped", lines_dropped = lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::Kind;

    /// A disk that is full for the first writes, and takes three bytes at a time afterwards.
    struct Disk {
        failures: usize,
        error: ErrorKind,
        written: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.failures > 0 {
                self.failures -= 1;
                return Err(self.error.into());
            }
            let taken = bytes.len().min(3);
            self.written.extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write_to(failures: usize, error: ErrorKind) -> (io::Result<()>, Vec<u8>, LogCounts) {
        let queue = Queue::default();
        queue.push(Kind::Record, b"{\"event\":1}\n");
        queue.push(Kind::Other, b"{\"event\":2}\n");
        let mut disk = Disk {
            failures,
            error,
            written: Vec::new(),
        };
        let batch = queue.next_batch().expect("lines wait");
        let result = write(&batch, &queue, &mut disk);
        if result.is_err() {
            queue.lost(batch);
        }
        (result, disk.written, queue.counts())
    }

    #[test]
    fn m6_a_full_disk_loses_nothing_and_each_failed_write_is_counted() {
        for error in [
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::WouldBlock,
        ] {
            let (result, written, counts) = write_to(2, error);
            assert!(result.is_ok(), "{error}");
            assert_eq!(written, b"{\"event\":1}\n{\"event\":2}\n", "{error}");
            assert_eq!(
                (counts.write_failures, counts.records_dropped),
                (2, 0),
                "{error}"
            );
        }
    }

    #[test]
    fn m6_an_interrupted_write_is_no_failure() {
        let (result, _, counts) = write_to(2, ErrorKind::Interrupted);
        assert!(result.is_ok());
        assert_eq!(counts.write_failures, 0);
    }

    #[test]
    fn h2_lines_for_a_reader_that_is_gone_are_counted_by_kind() {
        let (result, _, counts) = write_to(1, ErrorKind::BrokenPipe);
        assert!(result.is_err());
        assert_eq!((counts.records_dropped, counts.others_dropped), (1, 1));
        assert_eq!(counts.record_bytes_waiting, 0);
    }
}
