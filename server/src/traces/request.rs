//! The trace of one request: how it is known in the log, and what is exported when it has ended.

use std::time::Instant;

use chrono::{DateTime, Utc};
use poem::http::{HeaderMap, Method};

use super::{
    ids::{SpanId, TraceId},
    parent::Parent,
    recording::{Step, Steps},
};
use crate::{clock::Clock, log::FieldWriter};

/// A request's place in a trace.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    id: TraceId,
    /// Our span. Where none is exported it is the caller's, as OpenTelemetry requires.
    span: SpanId,
    parent: Option<SpanId>,
    state: String,
    steps: Steps,
}

impl Trace {
    /// The place of a request with these headers. If there is no collector and the caller names no trace, there is none.
    pub(crate) fn begin(
        headers: &HeaderMap,
        has_collector: bool,
        clock: &Clock,
    ) -> Option<Box<Self>> {
        let parent = Parent::of(headers);
        if !has_collector {
            return parent.map(|parent| {
                Box::new(Self {
                    id: parent.trace,
                    span: parent.span,
                    parent: None,
                    state: String::new(),
                    steps: Steps::default(),
                })
            });
        }
        // A caller that has a trace decides whether it is recorded; a trace that begins here always is.
        let steps = match &parent {
            Some(Parent { sampled: false, .. }) => Steps::default(),
            _ => Steps::recorded(clock.clone()),
        };
        let new_trace = || TraceId::of(clock.id_bytes());
        Some(Box::new(Self {
            id: parent
                .as_ref()
                .map_or_else(new_trace, |parent| parent.trace),
            span: SpanId::of(clock.id_bytes()),
            parent: parent.as_ref().map(|parent| parent.span),
            state: parent.map(|parent| parent.state).unwrap_or_default(),
            steps,
        }))
    }

    /// Where the steps of the request are noted.
    pub(crate) fn steps(&self) -> Steps {
        self.steps.clone()
    }

    /// Whether the request is exported when it has ended.
    pub(crate) fn is_recorded(&self) -> bool {
        self.steps.are_recorded()
    }

    /// Writes the ids into a line of the log.
    pub(crate) fn write(&self, fields: &mut FieldWriter<'_>) {
        fields.word("trace_id", &self.id.to_string());
        fields.word("span_id", &self.span.to_string());
    }

    /// What is exported of the request.
    pub(crate) fn finish(&self, ending: Ending) -> FinishedRequest {
        FinishedRequest {
            trace: self.id,
            span: self.span,
            parent: self.parent,
            state: self.state.clone(),
            steps: self.steps.take(),
            ending,
        }
    }
}

/// What is exported of a request beside its place and its steps.
#[derive(Debug)]
pub(crate) struct Ending {
    /// When it arrived, by the service's clock.
    pub received_at: DateTime<Utc>,
    /// The same for durations.
    pub began: Instant,
    /// When it ended.
    pub ended: Instant,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// The status of the answer; none if the client disconnected before it.
    pub status: Option<u16>,
    /// The code of the error.
    pub code: Option<&'static str>,
    /// Why it was answered 502.
    pub upstream_cause: Option<&'static str>,
    /// Its id in the log.
    pub request_id: String,
    /// The organization and the key, if they are known.
    pub caller: Option<(String, String)>,
}

/// A request that has ended, before spans are made of it.
#[derive(Debug)]
pub(crate) struct FinishedRequest {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) state: String,
    pub(super) steps: Vec<Step>,
    pub(super) ending: Ending,
}

impl FinishedRequest {
    /// How many spans it has.
    pub(super) fn spans(&self) -> u64 {
        1 + self.steps.len() as u64
    }
}
