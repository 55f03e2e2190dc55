//! Lines that are written together.

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

/// Lines that are written together, in the order in which they were pushed.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The lines, one after the other.
    pub(super) bytes: Vec<u8>,
    /// Bytes of the records among them.
    pub(super) record_bytes: usize,
    /// How many records there are.
    pub(super) records: u64,
    /// How many other lines there are.
    pub(super) others: u64,
}

impl Batch {
    /// Whether the line can be written with the others.
    pub(super) fn has_room_for(&self, line: &[u8]) -> bool {
        self.bytes.is_empty() || self.bytes.len() + line.len() <= MAX_BATCH_BYTES
    }

    /// Adds a line.
    pub(super) fn push(&mut self, kind: Kind, line: &[u8]) {
        match kind {
            Kind::Record => {
                self.record_bytes += line.len();
                self.records += 1;
            }
            Kind::Other => self.others += 1,
        }
        self.bytes.extend_from_slice(line);
    }

    /// Without lines, but with its memory, unless one long line made it larger than others.
    pub(super) fn emptied(mut self) -> Self {
        self.bytes.clear();
        self.bytes.shrink_to(MAX_BATCH_BYTES);
        Self {
            bytes: self.bytes,
            ..Self::default()
        }
    }
}
