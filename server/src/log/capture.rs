//! The log of a service in a test, which is in the test's process.

use std::{
    io::Write,
    sync::{Mutex, PoisonError},
};

use tracing::Subscriber;
use tracing_subscriber::{filter::LevelFilter, prelude::*};

use super::{batch::Kind, layer::LogLayer, queue::Lines};
use crate::{clock::Clock, config::LogFormat};

/// Writes what is logged at the level info to `output`, as JSON, where it becomes the subscriber of a thread.
pub fn captured_log(output: impl Write + Send + 'static) -> impl Subscriber + Send + Sync {
    let lines = Output(Mutex::new(output));
    let layer = LogLayer::new(LogFormat::Json, Clock::system(), lines);
    tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO))
}

struct Output<W>(Mutex<W>);

impl<W: Write + Send + 'static> Lines for Output<W> {
    fn push(&self, _: Kind, line: &[u8]) {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A line that is missing fails the test that asks for it.
        _ = output.write_all(line);
    }
}
