//! The real service in this process, beside a simulated Stripe, on free loopback ports, with a database of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use billing_portal_server::clock::Clock;
use billing_portal_server::config::Config;
use billing_portal_server::{Resolver, app};
use conformance::stripe::{Endpoint, Received, SECRET, SimulatedStripe};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::answer::Answer;
use super::ask::Ask;
use super::command::{self, Outcome};
use super::wire::Connection;
use super::{contract, coverage};

/// The corpora's allow-list.
const ALLOW_LIST: &str =
    "https://app.example.com,https://billing.example.org:8443,https://xn--bcher-kva.example";

const DATABASE: &str = "billing-portal.db";

/// No answer takes longer, whatever Stripe does.
const PATIENCE: Duration = Duration::from_secs(12);

/// How a service is set up for a test: production, live, and no limit that the test is not about.
pub(crate) struct Builder {
    settings: BTreeMap<String, String>,
    clock: Clock,
    resolver: Resolver,
    secret: String,
    stripe: Option<Arc<SimulatedStripe>>,
    customer: String,
    api_base: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        let settings = [
            ("ENVIRONMENT", "production"),
            ("LISTEN", "127.0.0.1:0"),
            ("OPERATIONS_LISTEN", "127.0.0.1:0"),
            ("RETURN_URL_ALLOW_LIST", ALLOW_LIST),
            ("RATE_LIMIT_PER_KEY", "0"),
            ("RATE_LIMIT_FAILED_AUTH", "0"),
            ("STRIPE_RATE_LIMIT", "0"),
            ("SHUTDOWN_DELAY_SECONDS", "0"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            settings: settings.into(),
            clock: Clock::system(),
            resolver: Resolver::default(),
            secret: SECRET.to_owned(),
            stripe: None,
            customer: "cus_acme".to_owned(),
            api_base: None,
        }
    }
}

impl Builder {
    /// With this setting; the name is the variable's without its prefix.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Development also lists `http://localhost:3000`, as the corpora say.
    pub(crate) fn environment(self, environment: &str) -> Self {
        let allow_list = match environment {
            "development" => format!("{ALLOW_LIST},http://localhost:3000"),
            _ => ALLOW_LIST.to_owned(),
        };
        self.set("ENVIRONMENT", environment)
            .set("RETURN_URL_ALLOW_LIST", &allow_list)
    }

    /// The service believes that it is this time, always.
    pub(crate) fn now(self, now: &str) -> Self {
        let now = now.parse().expect("a time");
        self.clock(Clock::from_fn(move || now))
    }

    /// The service takes the time from here.
    pub(crate) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The service finds Stripe's addresses so.
    pub(crate) fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// Stripe accepts this secret, and the service has it.
    pub(crate) fn secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    /// Beside this Stripe, which others use too.
    pub(crate) fn stripe(mut self, stripe: &Arc<SimulatedStripe>) -> Self {
        self.stripe = Some(Arc::clone(stripe));
        self
    }

    /// `acme` has this customer.
    pub(crate) fn customer(mut self, customer: &str) -> Self {
        customer.clone_into(&mut self.customer);
        self
    }

    /// The service reaches Stripe here, through something that stands before the simulated one.
    pub(crate) fn api_base(mut self, api_base: &str) -> Self {
        self.api_base = Some(api_base.to_owned());
        self
    }

    /// Starts the service and waits until it opens portals.
    pub(crate) async fn start(self) -> Service {
        let service = self.start_unverified().await;
        let deadline = Instant::now() + PATIENCE;
        while service.readiness().await.json()["portal_configuration_verified"] != true {
            assert!(
                Instant::now() < deadline,
                "the portal configuration is verified"
            );
            sleep(Duration::from_millis(5)).await;
        }
        service
    }

    /// Starts the service.
    pub(crate) async fn start_unverified(self) -> Service {
        let stripe = match &self.stripe {
            Some(stripe) => Arc::clone(stripe),
            None => Arc::new(
                SimulatedStripe::builder()
                    .secret(&self.secret)
                    .start()
                    .await
                    .expect("a free port"),
            ),
        };
        let directory = TempDir::new().expect("a temporary directory");
        let database = directory.path().join(DATABASE);
        let api_base = self.api_base.clone().unwrap_or_else(|| stripe.api_base());
        let customer = self.customer.clone();
        let this = self
            .set("DATABASE_URL", &format!("sqlite://{}", database.display()))
            .set("STRIPE_SECRET_KEY", &stripe.secret())
            .set("STRIPE_API_BASE", &api_base);
        let variables = command::variables(&this.settings);
        let config = Config::load(None, variables.clone()).expect("the settings are good");
        let running = app::start(&config, this.clock, this.resolver)
            .await
            .expect("the service starts");
        let mut service = Service {
            stripe,
            running,
            variables,
            directory,
            key: String::new(),
        };
        service.key = service.organization("acme", Some(&customer)).await;
        service
    }
}

/// A running service with one organization, `acme`, which has a customer and a key.
pub(crate) struct Service {
    pub(crate) stripe: Arc<SimulatedStripe>,
    running: app::Service,
    variables: Vec<(String, String)>,
    directory: TempDir,
    key: String,
}

impl Service {
    /// One as the builder makes it when nothing is said.
    pub(crate) async fn start() -> Self {
        Builder::default().start().await
    }

    pub(crate) fn builder() -> Builder {
        Builder::default()
    }

    /// Where the API listens.
    pub(crate) fn api(&self) -> SocketAddr {
        self.running.api_address()
    }

    /// Where health and readiness are told.
    pub(crate) fn operations(&self) -> SocketAddr {
        self.running.operations_address()
    }

    /// A key of `acme` with the scope.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The settings, as a process of its own would get them.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// The database's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join(DATABASE)
    }

    /// Makes an organization, with a customer at Stripe or without; answers a key with the scope.
    pub(crate) async fn organization(&self, id: &str, customer: Option<&str>) -> String {
        self.run(&["org", "create", "--id", id, "--name", id]).await;
        if let Some(customer) = customer {
            self.stripe.add_customer(customer);
            self.run(&["customer", "link", "--org", id, customer]).await;
        }
        self.new_key(id, &["billing:write"]).await
    }

    /// Makes a key.
    pub(crate) async fn new_key(&self, organization: &str, scopes: &[&str]) -> String {
        let mut arguments = vec!["key", "create", "--org", organization];
        arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        let created = self.run(&arguments).await;
        created["key"]
            .as_str()
            .expect("the key is shown once")
            .to_owned()
    }

    /// Runs a command that must succeed; answers what it printed with `--json`.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Value {
        let outcome = self.command(&[arguments, &["--json"]].concat()).await;
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
        serde_json::from_str(&outcome.stdout).expect("one JSON value")
    }

    /// Runs a command with the service's settings.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Outcome {
        command::run(arguments, &self.variables).await
    }

    /// Asks for the portal with the key of `acme`.
    pub(crate) async fn create_portal_session(&self, return_url: &str) -> Answer {
        self.ask(&Ask::portal(&self.key, return_url)).await
    }

    /// Sends a request to the API and holds the answer to the contract.
    pub(crate) async fn ask(&self, ask: &Ask) -> Answer {
        let answer = send(self.api(), ask).await;
        judge(ask, &answer);
        answer
    }

    /// What /readyz says.
    pub(crate) async fn readiness(&self) -> Answer {
        send(self.operations(), &Ask::get("/readyz")).await
    }

    /// The calls for sessions that arrived at Stripe.
    pub(crate) fn sessions(&self) -> Vec<Received> {
        self.stripe.received_at(Endpoint::Sessions)
    }

    /// Stops the service as SIGTERM does.
    pub(crate) async fn drain(self) {
        self.running.drain().await;
    }
}

/// Sends a request on a connection of its own, all of it, and reads the answer.
pub(crate) async fn send(address: SocketAddr, ask: &Ask) -> Answer {
    let mut connection = Connection::open(address)
        .await
        .expect("the service listens");
    // Answering before it has read everything is the service's right.
    let _ = connection.send(&ask.head()).await;
    let _ = connection.send(&ask.body).await;
    connection
        .answer(&ask.method, PATIENCE)
        .await
        .expect("the service answers")
}

/// Holds an answer of the API to the contract, and records it.
#[track_caller]
pub(crate) fn judge(ask: &Ask, answer: &Answer) {
    coverage::record_exchange(ask, answer, None);
    let problems = contract::problems(&ask.method, answer);
    assert!(
        problems.is_empty(),
        "{} {}: {}\n{}",
        answer.status,
        ask.path,
        problems.join("; "),
        answer.text()
    );
}
