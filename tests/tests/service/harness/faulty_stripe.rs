//! A Stripe whose network fails by a script: raw sockets in front of a simulated Stripe.
//!
//! What is not a call for a session goes on to the simulated Stripe, so that the portal configuration is found and
//! verified. A call for a session, once the script is given, meets the script's next step at the stage that the step
//! is about: the look-up of the host name, the handshake, or the exchange. After the last step all is well again.

mod black_hole;
mod exchange;
mod network;
mod script;
pub(crate) mod step;
pub(crate) mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use billing_portal_tests::stripe::SimulatedStripe;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use billing_portal_tests::http_client;
use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::http_server::ServerConnection;
use black_hole::BlackHole;
use exchange::FOR_EVER;
pub(crate) use script::SessionCall;
use script::{Script, Shared};
use step::{Kind, Step};

const SESSIONS: &str = "/v1/billing_portal/sessions";

/// It ends when it is dropped, and its connections with it.
pub(crate) struct FaultyStripe {
    pub(crate) simulated: Arc<SimulatedStripe>,
    address: SocketAddr,
    script: Shared,
    black_hole: Option<BlackHole>,
    _accepting: JoinSet<()>,
}

impl FaultyStripe {
    /// One that does no harm yet.
    pub(crate) async fn start() -> Self {
        let simulated = SimulatedStripe::builder().start().await;
        let simulated = Arc::new(simulated.expect("a free port"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let script = Shared::default();
        let behind = simulated.api_base();
        let behind = behind.strip_prefix("http://").expect("plain HTTP");
        let behind = behind.parse().expect("an address");
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, behind, script.clone()));
        Self {
            simulated,
            address,
            script,
            black_hole: None,
            _accepting: accepting,
        }
    }

    /// Where the service finds it, with [`Self::resolver`].
    pub(crate) fn api_base(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// From now on calls for sessions meet these steps.
    pub(crate) async fn play(&mut self, steps: &[Step]) {
        if steps.iter().any(|step| step.kind == Kind::Blackhole) {
            self.black_hole = Some(BlackHole::open(self.address.port()).await);
        }
        self.script().begin(steps);
    }

    /// All is well from now on.
    pub(crate) fn recover(&self) {
        self.script().begin(&[]);
    }

    /// Tries of calls for sessions since the script began, however far they got.
    pub(crate) fn attempts(&self) -> usize {
        self.script().attempts
    }

    /// The calls for sessions that arrived since then.
    pub(crate) fn calls(&self) -> Vec<SessionCall> {
        self.script().calls.clone()
    }

    /// The most calls for sessions that were under way at a time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.script().most_at_once
    }

    /// Calls for sessions under way.
    pub(crate) fn under_way(&self) -> usize {
        self.script().under_way
    }

    /// Every host name that the service looked up.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.script().hosts.clone()
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock()
    }
}

async fn accept(listener: TcpListener, behind: SocketAddr, script: Shared) {
    // Connections end with the listener, so that none outlives its case.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, behind, script.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// One request after the other, until one ends the connection.
async fn serve(stream: TcpStream, behind: SocketAddr, script: Shared) {
    let mut connection = ServerConnection::new(stream);
    let mut is_reused = false;
    while let Some(request) = connection.request(FOR_EVER).await {
        if request.path != SESSIONS {
            // Closed, so that a call for a session needs a connection of its own.
            _ = forward(&mut connection, &request, behind, true).await;
            return;
        }
        let (step, id, _under_way) = script.arrived(&request, is_reused);
        let Some(step) = step else {
            if forward(&mut connection, &request, behind, false)
                .await
                .is_none()
            {
                return;
            }
            is_reused = true;
            continue;
        };
        match exchange::play(connection, &step, &id).await {
            Some(kept) => connection = kept,
            None => return,
        }
        is_reused = true;
    }
}

/// Lets the simulated Stripe answer.
async fn forward(
    client: &mut ServerConnection,
    request: &TestRequest,
    to: SocketAddr,
    close: bool,
) -> Option<()> {
    let mut answer = http_client::exchange(to, request, FOR_EVER).await?;
    if close {
        let header = ("connection".to_owned(), "close".to_owned());
        answer.headers.push(header);
    }
    client.send(&answer.to_bytes()).await.ok()
}
