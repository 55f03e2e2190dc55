//! A collector of traces: it receives OTLP over HTTP and decodes it with the messages that OpenTelemetry publishes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::http_server::{ServerConnection, reply};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How long a test waits for spans, which are sent within a second or, after failures, within ten.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(40);
/// The service keeps its connection.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(10);

/// What the collector answers to a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// It takes all spans.
    Accept,
    /// It takes all but so many.
    Reject(i64),
    /// It answers this status, with `Retry-After: 0`.
    Status(u16),
    /// It reads and never answers.
    Hang,
}

/// A collector on a free loopback port. It stops when it is dropped.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    _accepting: JoinSet<()>,
}

struct State {
    /// The manners of the next batches; the last one stays.
    manners: Vec<Manner>,
    requests: Vec<TestRequest>,
    accepted: Vec<ExportTraceServiceRequest>,
}

impl Collector {
    /// A collector that treats the first batches so, and all others as the last.
    pub(crate) async fn start(manners: &[Manner]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let state = Arc::new(Mutex::new(State {
            manners: manners.to_vec(),
            requests: Vec::new(),
            accepted: Vec::new(),
        }));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            _accepting: accepting,
        }
    }

    /// The setting that names it.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that arrived, as bytes.
    pub(crate) fn requests(&self) -> Vec<TestRequest> {
        lock(&self.state).requests.clone()
    }

    /// What every accepted batch says of the process, and its spans in the order of their beginnings.
    pub(crate) fn spans(&self) -> Vec<ReceivedSpan> {
        let state = lock(&self.state);
        let resources = state
            .accepted
            .iter()
            .flat_map(|batch| &batch.resource_spans);
        let mut spans: Vec<ReceivedSpan> = resources
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| scope.spans.iter().map(ReceivedSpan::new))
            .collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// The attributes of the process, by which it sent its batches.
    pub(crate) fn resource(&self) -> BTreeMap<String, Value> {
        let state = lock(&self.state);
        let resources = state
            .accepted
            .iter()
            .flat_map(|batch| &batch.resource_spans);
        let mut resources = resources.map(|it| it.resource.clone().unwrap_or_default());
        attributes(&resources.next().expect("a batch").attributes)
    }

    /// Waits until there are so many spans of requests.
    pub(crate) async fn wait_for_requests(&self, count: usize) -> Vec<ReceivedSpan> {
        let deadline = Instant::now() + ARRIVAL_LIMIT;
        loop {
            let spans = self.spans();
            let requests = spans.iter().filter(|span| span.kind == "server").count();
            if requests >= count {
                assert_eq!(requests, count, "{spans:?}");
                return spans;
            }
            assert!(Instant::now() < deadline, "{requests} of {count} arrived");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until so many batches have arrived, whatever became of them.
    pub(crate) async fn wait_for_batches(&self, count: usize) {
        let deadline = Instant::now() + ARRIVAL_LIMIT;
        while self.requests().len() < count {
            assert!(Instant::now() < deadline, "{count} batches arrive");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A span as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedSpan {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) state: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) flags: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) failed: bool,
    pub(crate) attributes: BTreeMap<String, Value>,
}

impl ReceivedSpan {
    fn new(span: &Span) -> Self {
        Self {
            trace: hexadecimal(&span.trace_id, 16),
            id: hexadecimal(&span.span_id, 8),
            parent: match span.parent_span_id.as_slice() {
                [] => String::new(),
                parent => hexadecimal(parent, 8),
            },
            state: span.trace_state.clone(),
            name: span.name.clone(),
            kind: match span.kind {
                1 => "internal",
                2 => "server",
                3 => "client",
                other => panic!("{other} is no kind of ours"),
            },
            flags: span.flags,
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano,
            failed: span.status.as_ref().is_some_and(|status| status.code == 2),
            attributes: attributes(&span.attributes),
        }
    }
}

fn hexadecimal(bytes: &[u8], length: usize) -> String {
    assert_eq!(bytes.len(), length);
    let hexadecimal = |text: String, byte: &u8| text + &format!("{byte:02x}");
    bytes.iter().fold(String::new(), hexadecimal)
}

fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, Value> {
    let named = attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|it| it.value.as_ref());
        let value = match value.expect("an attribute has a value") {
            any_value::Value::StringValue(text) => json!(text),
            any_value::Value::IntValue(number) => json!(number),
            other => panic!("{other:?} is no type of ours"),
        };
        (attribute.key.clone(), value)
    });
    named.collect()
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut connection = ServerConnection::new(stream);
    while let Some(request) = connection.request(REQUEST_TIMEOUT).await {
        let manner = receive(&state, request);
        let answer = match manner {
            Manner::Accept => reply(200, "", ""),
            Manner::Reject(rejected_spans) => {
                let partial_success = Some(ExportTracePartialSuccess {
                    rejected_spans,
                    error_message: "too many".to_owned(),
                });
                let body = ExportTraceServiceResponse { partial_success }.encode_to_vec();
                let body = String::from_utf8(body).expect("a short message is ASCII");
                reply(200, "Content-Type: application/x-protobuf\r\n", &body)
            }
            Manner::Status(status) => reply(status, "Retry-After: 0\r\n", "am_live_not_read"),
            Manner::Hang => {
                sleep(REQUEST_TIMEOUT).await;
                return;
            }
        };
        // The service may have ended.
        if connection.send(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Keeps the batch, and answers what becomes of it.
fn receive(state: &Mutex<State>, request: TestRequest) -> Manner {
    let mut state = lock(state);
    let manner = match state.manners.as_slice() {
        [last] => *last,
        _ => state.manners.remove(0),
    };
    if let Manner::Accept | Manner::Reject(_) = manner {
        let batch = ExportTraceServiceRequest::decode(request.body.as_slice());
        state.accepted.push(batch.expect("the batch is OTLP"));
    }
    state.requests.push(request);
    manner
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
