//! The socket on which the service is asked to reload.
//!
//! It is a Unix socket in Linux' abstract namespace, named after the operations port: it needs no file, so it works with
//! a read-only root, and in a container it is reached from inside. The system says who connects. Only root and the
//! service's own user are answered; what they may cause, they can also cause with SIGHUP.

use std::{io, net::SocketAddr, time::Duration};

use rustix::process::geteuid;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    time::timeout,
};

/// How long the other side may take to read an answer of some hundred bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a reload may take: it reads files, and perhaps calls Stripe for 15 s.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes: far more than a problem with each setting.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;
/// The wait after a connection could not be accepted, as when no descriptor is left.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// The requests for a reload.
pub(in crate::cli) struct ReloadRequests(Option<UnixListener>);

/// One request for a reload, to be answered.
pub(in crate::cli) struct ReloadRequest(UnixStream);

impl ReloadRequests {
    /// Listens for requests to the service with this operations port. If that is impossible, only SIGHUP reloads.
    pub(in crate::cli) fn listen(operations: SocketAddr) -> Self {
        let listener = UnixListener::bind(name(operations));
        Self(listener.map_or_else(
            |error| {
                tracing::warn!(%error, "billing-portal reload cannot reach this service; SIGHUP can");
                None
            },
            Some,
        ))
    }

    /// The next request of somebody who may make one.
    pub(in crate::cli) async fn next(&self) -> ReloadRequest {
        let Some(listener) = &self.0 else {
            return std::future::pending().await;
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) if may_reload(&stream) => return ReloadRequest(stream),
                Ok(_) => tracing::warn!(
                    event = "reload_request_refused",
                    "another user than root and the service's own asked for a reload"
                ),
                Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
            }
        }
    }
}

impl ReloadRequest {
    /// Answers. Whether the other side reads it makes no difference.
    pub(in crate::cli) async fn answer(mut self, answer: &Value) {
        let answer = answer.to_string();
        _ = timeout(WRITE_TIMEOUT, self.0.write_all(answer.as_bytes())).await;
    }
}

/// Asks the service with this operations port to reload; what it answers.
pub(in crate::cli) async fn request_reload(operations: SocketAddr) -> io::Result<Value> {
    let stream = UnixStream::connect(name(operations)).await?;
    let mut answer = Vec::new();
    let mut reading = stream.take(MAX_ANSWER_BYTES);
    timeout(RELOAD_TIMEOUT, reading.read_to_end(&mut answer)).await??;
    // A service that ends meanwhile, or that does not accept this user, answers nothing.
    serde_json::from_slice(&answer).map_err(|_| io::ErrorKind::ConnectionAborted.into())
}

/// A name that begins with a zero is one of the abstract namespace.
fn name(operations: SocketAddr) -> String {
    format!("\0billing-portal/{operations}")
}

fn may_reload(stream: &UnixStream) -> bool {
    let user = stream.peer_cred().map(|peer| peer.uid());
    user.is_ok_and(|user| user == 0 || user == geteuid().as_raw())
}
