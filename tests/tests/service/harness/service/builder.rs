//! How a service is set up for a test, and its start.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use billing_portal_server::clock::Clock;
use billing_portal_server::config::Config;
use billing_portal_server::{Resolver, start};
use billing_portal_tests::stripe::{SECRET, SimulatedStripe};
use tempfile::TempDir;
use tokio::time::{Duration, Instant, sleep};

use super::super::command;
use super::super::test_database::TestDatabase;
use super::{CONFIG, RESPONSE_LIMIT, Service};

/// The corpora's allow-list.
const ALLOW_LIST: &str =
    "https://app.example.com,https://billing.example.org:8443,https://xn--bcher-kva.example";

/// How a service is set up for a test: production, live, and no limit that the test is not about.
pub(crate) struct Builder {
    settings: BTreeMap<String, String>,
    clock: Clock,
    resolver: Resolver,
    secret: String,
    stripe: Option<Arc<SimulatedStripe>>,
    customer: String,
    api_base: Option<String>,
    database: Option<TestDatabase>,
    needs_file: bool,
    /// The text of the configuration file, for what has no variable.
    file: Option<String>,
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
            database: None,
            needs_file: false,
            file: None,
        }
    }
}

impl Service {
    /// A service with the settings of the builder.
    pub(crate) async fn start() -> Self {
        Builder::default().start().await
    }

    pub(crate) fn builder() -> Builder {
        Builder::default()
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

    /// With a SQLite file, whatever the engine of this run: the test is about the file.
    pub(crate) fn sqlite(mut self) -> Self {
        self.needs_file = true;
        self
    }

    /// With a configuration file of this text. Commands find it as `Service::config`.
    pub(crate) fn file(mut self, text: &str) -> Self {
        self.file = Some(text.to_owned());
        self
    }

    /// With this database.
    pub(crate) fn database(mut self, database: TestDatabase) -> Self {
        self.database = Some(database);
        self
    }

    /// Starts another instance beside a service: with its Stripe, its database and its key.
    pub(crate) async fn start_beside(self, first: &Service) -> Service {
        let database = TestDatabase::at(&first.database_url());
        let this = self.stripe(&first.stripe);
        let directory = TempDir::new().expect("a temporary directory");
        let mut service = this.run(directory, database).await;
        service.key = first.key().to_owned();
        service.until_verified().await;
        service
    }

    /// Starts the service on a database that has the organization `acme` and this key.
    pub(crate) async fn start_restored(mut self, key: &str) -> Service {
        let directory = TempDir::new().expect("a temporary directory");
        let database = self.database.take().expect("a database with content");
        let mut service = self.run(directory, database).await;
        key.clone_into(&mut service.key);
        service.until_verified().await;
        service
    }

    /// Starts the service and waits until it opens portals.
    pub(crate) async fn start(self) -> Service {
        let service = self.start_unverified().await;
        service.until_verified().await;
        service
    }

    /// Starts the service.
    pub(crate) async fn start_unverified(mut self) -> Service {
        let directory = TempDir::new().expect("a temporary directory");
        let database = match self.database.take() {
            Some(database) => database,
            None if self.needs_file => TestDatabase::sqlite(directory.path()),
            None => TestDatabase::new(directory.path()),
        };
        let customer = self.customer.clone();
        let mut service = self.run(directory, database).await;
        service.key = service.organization("acme", Some(&customer)).await;
        service
    }

    /// Starts a service that has no organization of its own yet.
    async fn run(self, directory: TempDir, database: TestDatabase) -> Service {
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
        let api_base = self.api_base.clone().unwrap_or_else(|| stripe.api_base());
        let this = self
            .set("DATABASE_URL", &database.url())
            .set("STRIPE_SECRET_KEY", &stripe.secret())
            .set("STRIPE_API_BASE", &api_base);
        let variables = command::variables(&this.settings);
        let file = this.file.map(|text| {
            let path = directory.path().join(CONFIG);
            fs::write(&path, text).expect("our folder");
            path
        });
        let config = Config::load_for_serving(file.as_deref(), variables.clone());
        let config = config.expect("the settings are good");
        let running = Box::pin(start(&config, this.clock, this.resolver))
            .await
            .expect("the service starts");
        Service {
            stripe,
            running,
            variables,
            database,
            directory,
            key: String::new(),
        }
    }
}

impl Service {
    async fn until_verified(&self) {
        let deadline = Instant::now() + RESPONSE_LIMIT;
        while self.readiness().await.json()["portal_configuration_verified"] != true {
            assert!(
                Instant::now() < deadline,
                "the portal configuration is verified"
            );
            sleep(Duration::from_millis(5)).await;
        }
    }
}
