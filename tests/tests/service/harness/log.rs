//! The log of a service in this process, one for each thread: the service's own lines of JSON.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// What was logged so far.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Logs what this thread does meanwhile; a runtime of one thread keeps a whole service on it.
    pub(crate) fn record<T>(&self, doing: impl FnOnce() -> T) -> T {
        let subscriber = billing_portal_server::captured_log(self.clone());
        tracing::subscriber::with_default(subscriber, doing)
    }

    /// All lines. None of them needed the last look for secrets: that is for mistakes that nobody has found yet.
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8(bytes.clone()).expect("the log is UTF-8");
        assert!(!text.contains("[redacted]"), "a secret was logged: {text}");
        text
    }
}

/// The log of services that ran while this was done, on one thread, and what doing it answered.
pub(crate) fn logged<T>(doing: impl AsyncFnOnce() -> T) -> (String, T) {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let answer = log.record(|| runtime.block_on(doing()));
    (log.text(), answer)
}

/// The lines of a log as values.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).expect("each line of the log is JSON");
    text.lines().map(line).collect()
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
