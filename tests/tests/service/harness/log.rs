//! The log of a service in this process, one for each thread: lines of JSON as the service writes them, but without
//! its last look for secrets, so that a line that needed it is found.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

/// What was logged so far.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Logs what this thread does meanwhile; a runtime of one thread keeps a whole service on it.
    pub(crate) fn record<T>(&self, doing: impl FnOnce() -> T) -> T {
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_max_level(Level::INFO)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, doing)
    }

    /// All lines.
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).expect("the log is UTF-8")
    }
}

/// The lines of a log as values.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).expect("each line of the log is JSON");
    text.lines().map(line).collect()
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
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
