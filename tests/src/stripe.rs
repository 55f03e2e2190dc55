//! A simulated Stripe: the endpoints that the service calls, with Stripe's own refusals.
//!
//! It is stricter than the real one where that catches our mistakes: a call without `Stripe-Version` is refused, and
//! so is every form field that Stripe's reference does not document. What it was sent is kept for tests to look at,
//! and it can be set to fail. Nothing here knows our server; it only speaks HTTP on a loopback address.

mod account;
mod customers;
mod endpoints;
mod flow;
mod form;
mod object;
mod received;
mod refusal;
mod reply;
mod version;
mod world;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, matchers};

use account::Account;
pub use endpoints::Endpoint;
pub use received::Received;
pub use reply::Reply;
use world::World;

/// The secret that a simulated Stripe accepts unless the builder names another.
pub const SECRET: &str = "sk_live_simulated0000000000000000";

/// How a simulated Stripe is set up.
#[derive(Clone, Debug)]
pub struct Builder {
    listen: SocketAddr,
    secret: String,
    session_url: Option<String>,
    customers: Vec<String>,
}

impl Builder {
    /// Listens here instead of a free loopback port.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The only secret that is accepted; its prefix decides the mode (`…_live_` or `…_test_`).
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = secret.into();
        self
    }

    /// Session URLs begin with this instead of `https://billing.stripe.com/p/session/live_` (or `test_`).
    #[must_use]
    pub fn session_url(mut self, prefix: impl Into<String>) -> Self {
        self.session_url = Some(prefix.into());
        self
    }

    /// A customer that exists from the beginning.
    #[must_use]
    pub fn customer(mut self, id: impl Into<String>) -> Self {
        self.customers.push(id.into());
        self
    }

    /// Starts it; fails where the address cannot be listened on.
    pub async fn start(self) -> io::Result<SimulatedStripe> {
        let listener = TcpListener::bind(self.listen)?;
        let mut account = Account::new(self.secret, self.session_url);
        for customer in self.customers {
            account.customers.add(&customer, &json!({}));
        }
        let world = Arc::new(Mutex::new(World {
            account,
            received: VecDeque::new(),
            calls: 0,
            scripted: VecDeque::new(),
            standing: Vec::new(),
        }));
        // wiremock's own recording keeps every request for ever, and undecoded: ours replaces it.
        let server = MockServer::builder()
            .listener(listener)
            .disable_request_recording()
            .start()
            .await;
        let shared = Arc::clone(&world);
        Mock::given(matchers::any())
            .respond_with(move |request: &wiremock::Request| world::answer(&shared, request))
            .mount(&server)
            .await;
        Ok(SimulatedStripe { server, world })
    }
}

/// A Stripe account on a loopback address; it stops when it is dropped.
pub struct SimulatedStripe {
    server: MockServer,
    world: Arc<Mutex<World>>,
}

impl SimulatedStripe {
    /// One that listens on a free loopback port and accepts [`SECRET`], unless the builder changes that.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            secret: SECRET.to_owned(),
            session_url: None,
            customers: Vec::new(),
        }
    }

    /// What the service must have as its API base.
    #[must_use]
    pub fn api_base(&self) -> String {
        self.server.uri()
    }

    /// The secret that it accepts.
    #[must_use]
    pub fn secret(&self) -> String {
        self.world().account.secret().to_owned()
    }

    /// From now on only this secret is accepted; it is of the same mode.
    pub fn replace_secret(&self, secret: &str) {
        self.world().account.replace_secret(secret);
    }

    /// From now on a session call for this customer succeeds.
    pub fn add_customer(&self, id: &str) {
        self.add_customer_with(id, &json!({}));
    }

    /// The same for a customer with these fields.
    pub fn add_customer_with(&self, id: &str, differing: &Value) {
        self.world().account.customers.add(id, differing);
    }

    /// From now on this customer is deleted.
    pub fn delete_customer(&self, id: &str) {
        self.world().account.customers.delete(id);
    }

    /// Every portal configuration, the oldest first.
    #[must_use]
    pub fn configurations(&self) -> Vec<Value> {
        self.world().account.configurations().to_vec()
    }

    /// Adds a portal configuration as somebody else made it, given what differs from Stripe's defaults; answers its id.
    #[must_use]
    pub fn add_configuration(&self, differing: &Value) -> String {
        self.world().account.add_configuration(differing)
    }

    /// Changes a portal configuration behind the service's back.
    ///
    /// # Panics
    /// If there is none of this id: the test would change nothing.
    pub fn change_configuration(&self, id: &str, change: &Value) {
        let mut world = self.world();
        let changed = world.account.change_configuration(id, change);
        assert!(changed.is_some(), "there is no configuration {id}");
    }

    /// The session object that was answered last.
    #[must_use]
    pub fn last_session(&self) -> Option<Value> {
        self.world().account.last_session().cloned()
    }

    /// How many sessions were opened. A replay opens none.
    #[must_use]
    pub fn opened_sessions(&self) -> usize {
        self.world().account.opened_sessions()
    }

    /// From now on Stripe executes each POST for this time before it answers. Meanwhile its idempotency key is in use.
    pub fn execute_for(&self, time: Duration) {
        self.world().account.execution = time;
    }

    /// Answers the endpoint's next calls with these, in this order, instead of its own answers.
    pub fn answer_next(&self, endpoint: Endpoint, replies: impl IntoIterator<Item = Reply>) {
        let replies = replies.into_iter().map(|reply| (endpoint, reply));
        self.world().scripted.extend(replies);
    }

    /// Answers every call of the endpoint with this, until [`Self::recover`].
    pub fn answer_always(&self, endpoint: Endpoint, reply: Reply) {
        self.world().standing.push((endpoint, reply));
    }

    /// Removes every scripted reply.
    pub fn recover(&self) {
        let mut world = self.world();
        world.scripted.clear();
        world.standing.clear();
    }

    /// The calls that arrived, the oldest first; at most the last 10,000.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.world().received.iter().cloned().collect()
    }

    /// The calls that arrived at one endpoint, the oldest first.
    #[must_use]
    pub fn received_at(&self, endpoint: Endpoint) -> Vec<Received> {
        let mut calls = self.received();
        calls.retain(|call| endpoints::endpoint(&call.path) == Some(endpoint));
        calls
    }

    /// How many calls arrived, the refused and the failed included.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.world().calls
    }

    /// Forgets the calls that arrived so far.
    pub fn forget_received(&self) {
        self.world().received.clear();
    }

    fn world(&self) -> MutexGuard<'_, World> {
        world::lock(&self.world)
    }
}
