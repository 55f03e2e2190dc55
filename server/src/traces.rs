//! Traces: how long each step of a request took, sent to a collector by OTLP, OpenTelemetry's protocol, over HTTP.
//!
//! They are off unless `otlp_endpoint` is set. While a request runs, only the times of its steps are noted, and nothing
//! at all while traces are off. Spans are made of them when the request has ended, and encoded and sent by a task of
//! their own. A collector that is slow or away delays no request: the queue is bounded, and what is dropped is counted.
//!
//! No span has a key, a portal URL, a return URL, a customer's id or a text of Stripe's.

mod collector;
mod export;
mod ids;
mod otlp;
mod parent;
mod recording;
mod request;
mod spans;

pub(crate) use collector::CollectorError;
pub(crate) use export::Traces;
pub(crate) use recording::{OpenStep, StepKind, Steps};
pub(crate) use request::{Ending, Trace};
