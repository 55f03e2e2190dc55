//! Turns events into lines.

use std::{cell::Cell, sync::Arc};

use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::{Layer, layer::Context};

use super::{
    batch::Kind,
    fields::{FieldWriter, RequestFields},
    queue::Lines,
    timestamp::push_timestamp,
};
use crate::{clock::Clock, config::LogFormat};

/// The target of audit events. They are logged at every level.
pub(crate) const AUDIT_TARGET: &str = "audit";

/// What the fields of a request are called in its lines.
const REQUEST: &str = "request";

tokio::task_local! {
    /// The request that is being answered.
    static CURRENT: Arc<dyn RequestFields>;
}

/// Does something whose lines are to have the fields of this request, also those of its cancellation.
pub(crate) fn in_request<F: Future>(
    request: Arc<dyn RequestFields>,
    doing: F,
) -> impl Future<Output = F::Output> {
    CURRENT.scope(request, doing)
}

thread_local! {
    /// The memory of the last line of this thread, for the next one.
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Makes a line of each event.
pub(super) struct LogLayer<L> {
    format: LogFormat,
    clock: Clock,
    lines: L,
}

impl<L: Lines> LogLayer<L> {
    /// Lines in this format, with the time of this clock.
    pub(super) fn new(format: LogFormat, clock: Clock, lines: L) -> Self {
        Self {
            format,
            clock,
            lines,
        }
    }

    /// Appends the event as one line; answers what the line is worth.
    fn write(&self, line: &mut Vec<u8>, event: &Event<'_>) -> Kind {
        let is_alert = match self.format {
            LogFormat::Json => self.write_json(line, event),
            LogFormat::Text => self.write_text(line, event),
        };
        line.push(b'\n');
        if is_alert || event.metadata().target() == AUDIT_TARGET {
            Kind::Record
        } else {
            Kind::Other
        }
    }

    /// `{"timestamp":…,"level":…,` the event's fields `,"target":…,"span":{` the request's fields `,"name":"request"}}`.
    fn write_json(&self, line: &mut Vec<u8>, event: &Event<'_>) -> bool {
        line.extend_from_slice(b"{\"timestamp\":\"");
        push_timestamp(line, self.clock.now());
        line.push(b'"');
        let mut fields = FieldWriter::new(line, self.format, false);
        fields.word("level", event.metadata().level().as_str());
        event.record(&mut fields);
        let is_alert = fields.is_alert();
        fields.word("target", event.metadata().target());
        _ = CURRENT.try_with(|request| {
            line.extend_from_slice(b",\"span\":{");
            let mut fields = FieldWriter::new(line, self.format, true);
            request.write(&mut fields);
            fields.word("name", REQUEST);
            line.push(b'}');
        });
        line.push(b'}');
        is_alert
    }

    /// Time, level, the request's fields, target, message and fields.
    fn write_text(&self, line: &mut Vec<u8>, event: &Event<'_>) -> bool {
        push_timestamp(line, self.clock.now());
        let metadata: &Metadata<'_> = event.metadata();
        line.extend_from_slice(format!(" {:>5} ", metadata.level().as_str()).as_bytes());
        _ = CURRENT.try_with(|request| {
            line.extend_from_slice(REQUEST.as_bytes());
            request.write(&mut FieldWriter::new(line, self.format, false));
            line.extend_from_slice(b": ");
        });
        line.extend_from_slice(metadata.target().as_bytes());
        line.push(b':');
        let mut fields = FieldWriter::new(line, self.format, false);
        event.record(&mut fields);
        fields.is_alert()
    }
}

impl<S: Subscriber, L: Lines> Layer<S> for LogLayer<L> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Taken, not borrowed: formatting a field may report an event of its own.
        let mut line = LINE.take();
        line.clear();
        let kind = self.write(&mut line, event);
        self.lines.push(kind, &line);
        LINE.set(line);
    }
}
