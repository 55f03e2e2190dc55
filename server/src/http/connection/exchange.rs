//! What the service and the stream of one connection tell each other: which phase the exchange is in, how much of the
//! body is still to come, and whether anything moves.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use poem::http::{HeaderMap, header};

/// The length of a body that does not announce it.
const UNKNOWN_LENGTH: u64 = u64::MAX;

/// Where a connection is between two requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nothing of a request has come.
    Idle,
    /// The headers of a request are coming.
    Headers,
    /// A request is being answered; its body may still be coming.
    Working,
    /// The answer is being sent.
    Sending,
}

/// The state of one connection, shared by its service and its stream, which run in one task.
#[derive(Debug)]
pub(super) struct Exchange {
    phase: AtomicU8,
    /// Bytes of the body that the stream has not passed on yet.
    body_left: AtomicU64,
    body_ended: AtomicBool,
    moved: AtomicU64,
    resting: AtomicBool,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Idle as u8),
            body_left: AtomicU64::new(0),
            body_ended: AtomicBool::new(true),
            moved: AtomicU64::new(0),
            resting: AtomicBool::new(false),
        }
    }
}

impl Exchange {
    pub(super) fn phase(&self) -> Phase {
        let phases = [Phase::Idle, Phase::Headers, Phase::Working, Phase::Sending];
        phases[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The headers of a request were read.
    pub(super) fn request_arrived(&self, headers: &HeaderMap) {
        let length = if headers.contains_key(header::TRANSFER_ENCODING) {
            UNKNOWN_LENGTH
        } else {
            // hyper has refused a length that is not a number.
            let length = headers.get(header::CONTENT_LENGTH);
            let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
            length.unwrap_or(0)
        };
        self.body_left.store(length, Ordering::Relaxed);
        self.body_ended.store(length == 0, Ordering::Relaxed);
        self.enter(Phase::Working);
    }

    /// The answer is ready to be sent.
    pub(super) fn answered(&self) {
        self.enter(Phase::Sending);
    }

    /// The handler has read a body that does not announce its length to its end.
    pub(super) fn body_ended(&self) {
        self.body_ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn body_has_ended(&self) -> bool {
        self.body_ended.load(Ordering::Relaxed)
    }

    /// How many of the next bytes belong to the body of the request in progress.
    pub(super) fn body_left(&self) -> u64 {
        let left = self.body_left.load(Ordering::Relaxed);
        if left == UNKNOWN_LENGTH && self.body_has_ended() {
            return 0;
        }
        left
    }

    /// Whether the body of the last request does not announce its length, so that bytes after it may have been passed
    /// on with it.
    pub(super) fn is_chunked(&self) -> bool {
        self.body_left.load(Ordering::Relaxed) == UNKNOWN_LENGTH
    }

    /// Forgets a body that does not announce its length: what comes next is the head of a request.
    pub(super) fn forget_chunks(&self) {
        if self.is_chunked() {
            self.body_left.store(0, Ordering::Relaxed);
        }
    }

    /// These bytes of the body were passed on.
    pub(super) fn body_passed(&self, bytes: usize) {
        let left = self.body_left.load(Ordering::Relaxed);
        if left != UNKNOWN_LENGTH {
            let left = left.saturating_sub(bytes as u64);
            self.body_left.store(left, Ordering::Relaxed);
            self.body_ended.store(left == 0, Ordering::Relaxed);
        }
    }

    /// Bytes were received or sent.
    pub(super) fn moved(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// How many bytes were received and sent so far.
    pub(super) fn bytes_moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Whether nothing of a request has come, and nothing of the last one and its answer is left. While a body was not read
    /// to its end, hyper has to close the connection: what is left of the body is not the next request.
    pub(super) fn is_resting(&self) -> bool {
        self.resting.load(Ordering::Relaxed) && self.phase() == Phase::Idle && self.body_has_ended()
    }

    pub(super) fn set_resting(&self, resting: bool) {
        self.resting.store(resting, Ordering::Relaxed);
    }

    /// Whether the client has sent its whole request and waits for the service.
    pub(super) fn service_works(&self) -> bool {
        self.phase() == Phase::Working && self.body_has_ended()
    }
}
