//! Turns events into lines: gathers the fields of an event and of the request that it belongs to.

use std::sync::Arc;

use tracing::{
    Event, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{
    field::Fields,
    line::Line,
    queue::{Kind, Queue},
};
use crate::{clock::Clock, config::LogFormat};

/// The target of audit events. They are logged at every level.
pub(crate) const AUDIT_TARGET: &str = "audit";

/// Queues a line for each event.
pub(super) struct LogLayer {
    format: LogFormat,
    clock: Clock,
    queue: Arc<Queue>,
}

impl LogLayer {
    /// Lines in this format, with the time of this clock.
    pub(super) fn new(format: LogFormat, clock: Clock, queue: Arc<Queue>) -> Self {
        Self {
            format,
            clock,
            queue,
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        let mut extensions = span.extensions_mut();
        if let Some(fields) = extensions.get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = context.event_span(event);
        let extensions = span.as_ref().map(|span| span.extensions());
        let line = Line {
            time: self.clock.now(),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            fields: &fields,
            span: span.as_ref().map(|span| span.metadata().name()),
            span_fields: extensions.as_ref().and_then(|extensions| extensions.get()),
        };
        let text = match self.format {
            LogFormat::Json => line.json(),
            LogFormat::Text => line.text(),
        };
        let is_record = event.metadata().target() == AUDIT_TARGET || fields.is_alert();
        let kind = if is_record { Kind::Record } else { Kind::Other };
        self.queue.push(kind, text);
    }
}
