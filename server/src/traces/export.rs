//! Takes requests that have ended from the request path, and hands their spans to the collector in batches.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use prost::Message;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    collector::{Collector, CollectorError},
    otlp::{ExportRequest, Resource, ResourceSpans, Scope, ScopeSpans},
    request::FinishedRequest,
    spans::{spans, text},
};
use crate::{
    clock::Clock,
    config::{Environment, Secret},
    http::sampling::Sampler,
    metrics::{Dropped, Metrics},
};

/// Requests that wait to be sent. Each takes about a KiB, and at most ten: a path may have eight. At 20 calls a second,
/// the default limit of calls to Stripe, they are those of 50 s.
const MAX_WAITING: usize = 1024;
/// Requests of one batch: about 500 spans, as OpenTelemetry recommends.
const MAX_BATCH: usize = 128;
/// How long a batch waits for more requests, so that a trace can be seen soon after its request.
const BATCH_DELAY: Duration = Duration::from_secs(1);
/// The waits before a batch is sent again. Meanwhile the queue fills.
const RETRY_WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// How long the end of the service waits for the collector. It is a part of the time for closing, 2 s.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(1500);

/// The version of the semantic conventions whose names the spans use.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";
const NAME: &str = "billing-portal";

/// What describes this process to the collector.
#[derive(Debug, Clone)]
struct Process {
    instance: String,
    environment: &'static str,
}

/// The way of ended requests to the collector, if there is one. A clone shares it.
#[derive(Clone)]
pub(crate) struct Traces {
    waiting: Option<mpsc::Sender<FinishedRequest>>,
    shared: Shared,
}

/// What a reload does not change.
#[derive(Clone)]
struct Shared {
    clock: Clock,
    metrics: Arc<Metrics>,
    process: Process,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Traces {
    /// Sends to this collector, or nowhere.
    pub(crate) fn new(
        endpoint: Option<&Secret>,
        environment: Environment,
        clock: &Clock,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, CollectorError> {
        let shared = Shared {
            clock: clock.clone(),
            metrics: Arc::clone(metrics),
            process: Process {
                instance: clock.ulid().to_string(),
                environment: environment.as_str(),
            },
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        Self::begin(endpoint, shared)
    }

    /// The same for another collector. What waits for the one before is still sent to it.
    pub(crate) fn successor(&self, endpoint: Option<&Secret>) -> Result<Self, CollectorError> {
        Self::begin(endpoint, self.shared.clone())
    }

    fn begin(endpoint: Option<&Secret>, shared: Shared) -> Result<Self, CollectorError> {
        let collector = endpoint.map(Collector::new).transpose()?;
        let waiting = collector.map(|collector| {
            let (sender, receiver) = mpsc::channel(MAX_WAITING);
            let exporter = Exporter {
                collector,
                receiver,
                shared: shared.clone(),
                failures: Sampler::default(),
            };
            shared.tasks.spawn(exporter.run());
            sender
        });
        Ok(Self { waiting, shared })
    }

    /// Whether there is a collector.
    pub(crate) fn have_collector(&self) -> bool {
        self.waiting.is_some()
    }

    /// Hands over a request that has ended. It never waits: if the queue is full, the request is dropped and counted.
    pub(crate) fn export(&self, request: FinishedRequest) {
        let Some(waiting) = &self.waiting else {
            return;
        };
        if let Err(error) = waiting.try_send(request) {
            let spans = error.into_inner().spans();
            let metrics = &self.shared.metrics.traces;
            metrics.dropped(Dropped::QueueFull, spans);
        }
    }

    /// Sends what waits, also for collectors of earlier settings, for at most [`FLUSH_TIMEOUT`]. Nothing is sent after
    /// it.
    pub(crate) async fn flush(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        if timeout(FLUSH_TIMEOUT, self.shared.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                event = "traces_lost",
                "the collector did not take the last spans in time"
            );
        }
    }
}

/// The task that sends to one collector.
struct Exporter {
    collector: Collector,
    receiver: mpsc::Receiver<FinishedRequest>,
    shared: Shared,
    failures: Sampler,
}

impl Exporter {
    async fn run(mut self) {
        while let Some(batch) = self.next_batch().await {
            self.send(&batch).await;
        }
    }

    /// The next requests. `None` at the end of the service or of the settings, when nothing waits any more.
    async fn next_batch(&mut self) -> Option<Vec<FinishedRequest>> {
        let mut batch = Vec::new();
        let stop = self.shared.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            received = self.receiver.recv_many(&mut batch, 1) => if received == 0 { return None; },
        }
        let filling = async {
            while batch.len() < MAX_BATCH {
                let room = MAX_BATCH - batch.len();
                if self.receiver.recv_many(&mut batch, room).await == 0 {
                    break;
                }
            }
        };
        tokio::select! {
            // What is there is taken also after the stop.
            biased;
            () = filling => {}
            () = stop.cancelled() => {}
            () = sleep(BATCH_DELAY) => {}
        }
        (!batch.is_empty()).then_some(batch)
    }

    async fn send(&self, batch: &[FinishedRequest]) {
        let count = batch.iter().map(FinishedRequest::spans).sum();
        let body = Bytes::from(self.shared.encode(batch));
        let mut waits = RETRY_WAITS.iter();
        let metrics = &self.shared.metrics.traces;
        loop {
            let failure = match self.collector.send(body.clone()).await {
                Ok(rejected) => {
                    let rejected = rejected.min(count);
                    metrics.dropped(Dropped::Rejected, rejected);
                    return metrics.exported(count - rejected);
                }
                Err(failure) => failure,
            };
            let wait = waits.next().copied();
            let Some(wait) = wait
                .zip(failure.retry)
                .map(|(ours, theirs)| ours.max(theirs))
            else {
                return self.give_up(count, &failure.reason);
            };
            tokio::select! {
                () = sleep(wait) => {}
                // The end of the service does not wait.
                () = self.shared.stop.cancelled() => return self.give_up(count, &failure.reason),
            }
        }
    }

    fn give_up(&self, spans: u64, reason: &str) {
        self.shared.metrics.traces.dropped(Dropped::NotSent, spans);
        if let Some(left_out) = self.failures.count() {
            tracing::warn!(event = "traces_not_sent", reason, spans, left_out);
        }
    }
}

impl Shared {
    fn encode(&self, batch: &[FinishedRequest]) -> Vec<u8> {
        let spans = batch.iter().flat_map(|request| spans(request, &self.clock));
        let version = env!("CARGO_PKG_VERSION");
        let request = ExportRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![
                        text("service.name", NAME),
                        text("service.version", version),
                        text("service.instance.id", &self.process.instance),
                        text("deployment.environment.name", self.process.environment),
                    ],
                }),
                scope_spans: vec![ScopeSpans {
                    scope: Some(Scope {
                        name: NAME.to_owned(),
                        version: version.to_owned(),
                    }),
                    spans: spans.collect(),
                }],
                schema_url: SCHEMA.to_owned(),
            }],
        };
        request.encode_to_vec()
    }
}
