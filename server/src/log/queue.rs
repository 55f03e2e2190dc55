//! Lines on their way to the writer thread. Pushing one never waits.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Records that may wait while the log's reader has stopped: about 16,000 of 500 bytes, which is 30 s at 500 a second.
const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;
/// What is kept free of that for the requests already in flight (256 by default, 2 KiB each) and for alerts.
const RECORD_RESERVE_BYTES: usize = 1024 * 1024;
/// Other lines that may wait. They can be lost, so they get less: about 2,000.
const MAX_OTHER_BYTES: usize = 1024 * 1024;
/// What is written with one system call. More would make a blocked writer hold more lines.
const MAX_BATCH_BYTES: usize = 64 * 1024;

/// What a line is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An audit event or an alert: it waits, and the operation refuses to run when it could not be recorded.
    Record,
    /// Every other line: it is dropped when too many wait.
    Other,
}

/// Lines, and how many of each kind were lost.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<(Kind, Vec<u8>)>,
    /// Bytes of the lines that are queued or being written.
    records: usize,
    others: usize,
    counts: LogCounts,
}

/// What has happened to log lines since the start.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogCounts {
    /// Audit events and alerts that were lost.
    pub records_dropped: u64,
    /// Other lines that were lost.
    pub others_dropped: u64,
    /// Attempts to write that failed.
    pub write_failures: u64,
    /// Bytes of audit events and alerts that wait to be written.
    pub record_bytes_waiting: usize,
}

/// Lines that are written together, in the order in which they were pushed.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The lines, one after the other.
    pub(super) bytes: Vec<u8>,
    record_bytes: usize,
    records: u64,
    others: u64,
}

impl Queue {
    /// Adds a line, or counts it as lost when too many of its kind wait.
    pub(super) fn push(&self, kind: Kind, line: Vec<u8>) {
        let mut state = self.lock();
        let (waiting, limit) = match kind {
            Kind::Record => (&mut state.records, MAX_RECORD_BYTES),
            Kind::Other => (&mut state.others, MAX_OTHER_BYTES),
        };
        if *waiting + line.len() > limit {
            state.counts.drop_lines(kind, 1);
            return;
        }
        *waiting += line.len();
        state.lines.push_back((kind, line));
        self.changed.notify_all();
    }

    /// Whether the audit event of one more request will find room.
    pub(super) fn has_room_for_records(&self) -> bool {
        self.lock().records + RECORD_RESERVE_BYTES <= MAX_RECORD_BYTES
    }

    /// The next lines to write; waits until there are some.
    pub(super) fn next_batch(&self) -> Batch {
        let state = self.lock();
        let state = self
            .changed
            .wait_while(state, |state| state.lines.is_empty());
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::default();
        while let Some((_, line)) = state.lines.front()
            && (batch.bytes.is_empty() || batch.bytes.len() + line.len() <= MAX_BATCH_BYTES)
            && let Some((kind, line)) = state.lines.pop_front()
        {
            match kind {
                Kind::Record => {
                    batch.record_bytes += line.len();
                    batch.records += 1;
                }
                Kind::Other => batch.others += 1,
            }
            batch.bytes.extend(line);
        }
        batch
    }

    /// Frees the room of a batch that was written.
    pub(super) fn written(&self, batch: &Batch) {
        let mut state = self.lock();
        state.records -= batch.record_bytes;
        state.others -= batch.bytes.len() - batch.record_bytes;
        self.changed.notify_all();
    }

    /// Counts the lines of a batch as lost, and frees its room.
    pub(super) fn lost(&self, batch: &Batch) {
        let mut state = self.lock();
        state.counts.drop_lines(Kind::Record, batch.records);
        state.counts.drop_lines(Kind::Other, batch.others);
        drop(state);
        self.written(batch);
    }

    /// Counts an attempt to write that failed.
    pub(super) fn write_failed(&self) {
        self.lock().counts.write_failures += 1;
    }

    /// What was lost and what waits.
    pub(super) fn counts(&self) -> LogCounts {
        let state = self.lock();
        LogCounts {
            record_bytes_waiting: state.records,
            ..state.counts
        }
    }

    /// Waits until every line is written, at most this long. Returns whether that is so.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let waits = |state: &mut State| state.records + state.others > 0;
        let state = self.lock();
        let result = self.changed.wait_timeout_while(state, timeout, waits);
        let (mut state, _) = result.unwrap_or_else(PoisonError::into_inner);
        !waits(&mut state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogCounts {
    fn drop_lines(&mut self, kind: Kind, lines: u64) {
        match kind {
            Kind::Record => self.records_dropped += lines,
            Kind::Other => self.others_dropped += lines,
        }
    }

    /// What was lost since `earlier`: records, and other lines.
    pub(super) fn dropped_since(self, earlier: Self) -> (u64, u64) {
        (
            self.records_dropped - earlier.records_dropped,
            self.others_dropped - earlier.others_dropped,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: usize) -> Vec<u8> {
        vec![b'x'; bytes]
    }

    #[test]
    fn h2_other_lines_are_dropped_and_counted_when_too_many_wait() {
        let queue = Queue::default();
        for _ in 0..3_000 {
            queue.push(Kind::Other, line(1024));
        }
        assert_eq!(queue.counts().others_dropped, 3_000 - 1024);
        assert!(
            queue.has_room_for_records(),
            "they take no room from records"
        );
    }

    #[test]
    fn h2_records_have_a_reserve_and_are_counted_when_even_that_is_full() {
        let queue = Queue::default();
        for _ in 0..7 * 1024 {
            queue.push(Kind::Record, line(1024));
        }
        assert!(queue.has_room_for_records());
        queue.push(Kind::Record, line(1));
        assert!(!queue.has_room_for_records(), "the operation stops here");
        for _ in 0..1023 {
            queue.push(Kind::Record, line(1024));
        }
        assert_eq!(queue.counts().records_dropped, 0, "requests in flight");
        queue.push(Kind::Record, line(1024));
        assert_eq!(queue.counts().records_dropped, 1);
    }

    #[test]
    fn h2_lines_keep_their_order_and_their_room_is_freed_when_they_are_written() {
        let queue = Queue::default();
        queue.push(Kind::Other, b"a\n".to_vec());
        queue.push(Kind::Record, b"b\n".to_vec());
        queue.push(Kind::Other, b"c\n".to_vec());
        let batch = queue.next_batch();
        assert_eq!(batch.bytes, b"a\nb\nc\n");
        assert_eq!(
            queue.counts().record_bytes_waiting,
            2,
            "until it is written"
        );
        assert!(!queue.flush(Duration::ZERO));
        queue.written(&batch);
        assert_eq!(queue.counts(), LogCounts::default());
        assert!(queue.flush(Duration::ZERO));
    }

    #[test]
    fn h2_a_batch_is_bounded() {
        let queue = Queue::default();
        for _ in 0..100 {
            queue.push(Kind::Other, line(1000));
        }
        assert_eq!(queue.next_batch().bytes.len(), 65_000);
        queue.push(Kind::Record, line(100_000));
        queue.next_batch();
        assert_eq!(
            queue.next_batch().bytes.len(),
            100_000,
            "a long line goes alone"
        );
    }
}
