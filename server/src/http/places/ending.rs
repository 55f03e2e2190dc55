//! How a connection learns that it is to end. One signal for both ways, because a connection looks at it with every request.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

/// Ends one connection: shared by the connection and the table of all.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    signal: CancellationToken,
    is_cut: Arc<AtomicBool>,
}

/// How a connection is to end.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    /// After the request in progress.
    Close,
    /// At once.
    Cut,
}

impl Ending {
    /// Of a connection that closes with its listener.
    pub(super) fn with(listener: &CancellationToken) -> Self {
        Self {
            signal: listener.child_token(),
            is_cut: Arc::default(),
        }
    }

    pub(super) fn close(&self) {
        self.signal.cancel();
    }

    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.signal.cancel();
    }

    /// Waits until the connection is to end.
    pub(crate) async fn wait(&self) -> End {
        self.signal.cancelled().await;
        if self.is_cut.load(Ordering::SeqCst) {
            End::Cut
        } else {
            End::Close
        }
    }

    #[cfg(test)]
    pub(super) fn is_signalled(&self) -> bool {
        self.signal.is_cancelled()
    }
}
