//! Observes whether a request opened a connection: if it did not, it was sent over a kept one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::task_local;
use tower_layer::Layer;
use tower_service::Service;

task_local! {
    /// Set while a request is sent. The connector runs in the request's task.
    static OPENED: Arc<AtomicBool>;
}

/// Whether a request opened a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewConnection(Arc<AtomicBool>);

impl NewConnection {
    /// Runs a request and observes it.
    pub(crate) async fn observe<T>(&self, request: impl Future<Output = T>) -> T {
        OPENED.scope(Arc::clone(&self.0), request).await
    }

    /// Whether the request has begun to open a connection.
    pub(crate) fn was_opened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Puts the observer between reqwest and its connector.
#[derive(Clone)]
pub(crate) struct NewConnectionLayer;

impl<S> Layer<S> for NewConnectionLayer {
    type Service = Observed<S>;

    fn layer(&self, connector: S) -> Observed<S> {
        Observed(connector)
    }
}

/// A connector that is observed.
#[derive(Clone)]
pub(crate) struct Observed<S>(S);

impl<R, S: Service<R>> Service<R> for Observed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: R) -> S::Future {
        // Outside of a request there is nothing to observe.
        let _ = OPENED.try_with(|opened| opened.store(true, Ordering::Relaxed));
        self.0.call(target)
    }
}
