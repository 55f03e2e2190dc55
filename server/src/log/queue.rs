//! Lines on their way to the writer thread. Pushing one never waits.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::batch::{Batch, Kind};

/// Records that may wait while the log's reader has stopped: about 16,000 of 500 bytes, which is 30 s at 500 a second.
const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;
/// What is kept free of that for the requests already in flight (256 by default, 2 KiB each) and for alerts.
const RECORD_RESERVE_BYTES: usize = 1024 * 1024;
/// Other lines that may wait. They can be lost, so they get less: about 2,000.
const MAX_OTHER_BYTES: usize = 1024 * 1024;
/// Where lines go.
pub(super) trait Lines: Send + Sync + 'static {
    /// Takes a line, which ends with a line break.
    fn push(&self, kind: Kind, line: &[u8]);
}

/// Lines, and how many of each kind were lost.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    pushed: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    /// The memory of a batch that was written, for the next one.
    spare: Option<Batch>,
    /// Bytes of the lines that are queued or being written.
    records: usize,
    others: usize,
    counts: LogCounts,
    /// Whether the writer waits for a line. Waking it costs a system call, so it is done only then.
    writer_waits: bool,
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

impl State {
    /// The last batch, or a new one if the line does not fit into that.
    fn batch_for(&mut self, line: &[u8]) -> &mut Batch {
        let last = self.batches.back();
        if !last.is_some_and(|batch| batch.has_room_for(line)) {
            let batch = self.spare.take().unwrap_or_default();
            self.batches.push_back(batch);
        }
        self.batches
            .back_mut()
            .expect("one was pushed if there was none")
    }
}

impl Lines for Arc<Queue> {
    fn push(&self, kind: Kind, line: &[u8]) {
        Queue::push(self, kind, line);
    }
}

impl Queue {
    /// Adds a line, or counts it as lost when too many of its kind wait.
    pub(super) fn push(&self, kind: Kind, line: &[u8]) {
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
        state.batch_for(line).push(kind, line);
        if mem::take(&mut state.writer_waits) {
            drop(state);
            self.pushed.notify_one();
        }
    }

    /// Whether the audit event of one more request will find room.
    pub(super) fn has_room_for_records(&self) -> bool {
        self.lock().records + RECORD_RESERVE_BYTES <= MAX_RECORD_BYTES
    }

    /// Waits until there are lines to write.
    pub(super) fn wait_for_lines(&self) {
        let mut state = self.lock();
        while state.batches.is_empty() {
            state.writer_waits = true;
            let woken = self.pushed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next lines to write, if there are any.
    pub(super) fn next_batch(&self) -> Option<Batch> {
        self.lock().batches.pop_front()
    }

    /// Frees the room of a batch that was written.
    pub(super) fn written(&self, batch: Batch) {
        let mut state = self.lock();
        state.records -= batch.record_bytes;
        state.others -= batch.bytes.len() - batch.record_bytes;
        state.spare = Some(batch.emptied());
        drop(state);
        self.written.notify_all();
    }

    /// Counts the lines of a batch as lost, and frees its room.
    pub(super) fn lost(&self, batch: Batch) {
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
        let result = self.written.wait_timeout_while(state, timeout, waits);
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

    fn bytes_of_next(queue: &Queue) -> usize {
        queue.next_batch().expect("lines wait").bytes.len()
    }

    #[test]
    fn h2_other_lines_are_dropped_and_counted_when_too_many_wait() {
        let queue = Queue::default();
        for _ in 0..3_000 {
            queue.push(Kind::Other, &line(1024));
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
            queue.push(Kind::Record, &line(1024));
        }
        assert!(queue.has_room_for_records());
        queue.push(Kind::Record, &line(1));
        assert!(!queue.has_room_for_records(), "the operation stops here");
        for _ in 0..1023 {
            queue.push(Kind::Record, &line(1024));
        }
        assert_eq!(queue.counts().records_dropped, 0, "requests in flight");
        queue.push(Kind::Record, &line(1024));
        assert_eq!(queue.counts().records_dropped, 1);
    }

    #[test]
    fn h2_lines_keep_their_order_and_their_room_is_freed_when_they_are_written() {
        let queue = Queue::default();
        queue.push(Kind::Other, b"a\n");
        queue.push(Kind::Record, b"b\n");
        queue.push(Kind::Other, b"c\n");
        let batch = queue.next_batch().expect("lines wait");
        assert_eq!(batch.bytes, b"a\nb\nc\n");
        assert_eq!(
            queue.counts().record_bytes_waiting,
            2,
            "until it is written"
        );
        assert!(!queue.flush(Duration::ZERO));
        queue.written(batch);
        assert_eq!(queue.counts(), LogCounts::default());
        assert!(queue.flush(Duration::ZERO));
    }

    #[test]
    fn h2_a_batch_is_bounded() {
        let queue = Queue::default();
        for _ in 0..100 {
            queue.push(Kind::Other, &line(1000));
        }
        assert_eq!(bytes_of_next(&queue), 65_000);
        queue.push(Kind::Record, &line(100_000));
        assert_eq!(bytes_of_next(&queue), 35_000);
        assert_eq!(bytes_of_next(&queue), 100_000, "a long line goes alone");
    }
}
