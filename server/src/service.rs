//! Builds the service, starts it and drains it.

mod reload;

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use poem::{Endpoint, Response};
use tokio::{
    sync::{Semaphore, SetOnce, watch},
    task::JoinHandle,
};

use crate::{
    api_routes::ApiRoutes,
    app::App,
    auth::Authenticator,
    clock::Clock,
    config::{Environment, Problem, ServeConfig, Settings},
    configuration_watch, database_watch,
    http::{
        client_address::TrustedProxies,
        error_code::ErrorCode,
        listener::Listener,
        memory_budget::{Amount, MemoryBudget},
        places::Places,
    },
    ids::Mode,
    lease_watch::LeaseWatch,
    metrics::Metrics,
    operations::{self, openapi},
    ports,
    request_layer::RequestLayer,
    store::{IfMissing, Store, StoreError},
    stripe::{Resolver, SetupError, Stripe, UpstreamCause},
    traces::{CollectorError, Traces},
    webhooks::WebhookOutcome,
};

pub use reload::Reloaded;

/// How long the requests in progress may take after the listener has closed. A request has at most ten seconds for its
/// body and ten for Stripe; the rest is margin.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(28);
/// How long closing the operations port and the database may take after that: 30 s in all. Process managers that send
/// SIGKILL usually do so after this.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long giving back the share of the calls to Stripe may take. Otherwise the others get it some seconds later.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long the operations port waits for a probe that keeps its connection open.
const OPERATIONS_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Memory for the bodies of webhooks: for the first 64 KiB of each, and for the rest of eight of the largest (1 MiB).
const WEBHOOK_MEMORY: Amount = Amount {
    small: 8 * 1024 * 1024,
    large: 8 * 1024 * 1024,
};
/// What one peer gets of it: a quarter, and the rest of three of the largest.
const WEBHOOK_MEMORY_PER_PEER: Amount = Amount {
    small: 2 * 1024 * 1024,
    large: 3 * 1024 * 1024,
};
/// How long /readyz waits for the first verification, which usually takes two calls. Balancers wait longer for an
/// instance to become ready.
const MAX_STARTING: Duration = Duration::from_secs(5);

/// The number of the settings at start.
const FIRST_GENERATION: u64 = 1;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The HTTP client for Stripe cannot be built.
    #[error("Stripe client: {0}; {remedy}", remedy = .0.remedy())]
    Stripe(#[from] SetupError),
    /// The HTTP client for the collector of traces cannot be built.
    #[error("collector of traces: {0}")]
    Collector(#[from] CollectorError),
    /// A port cannot be opened.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address that was to be opened.
        address: SocketAddr,
        /// The system's error.
        error: std::io::Error,
    },
}

/// The running service.
pub struct Service {
    /// The current generation; each request takes it when it arrives.
    current: watch::Sender<Arc<App>>,
    api: Listener,
    api_places: Arc<Places>,
    operations: Listener,
    /// The settings in use.
    config: Box<ServeConfig>,
    /// The settings at start, of which some stay in use until the end.
    started_with: Arc<Settings>,
    resolver: Resolver,
    /// The id of this instance among those that share the database.
    instance: String,
    tasks: [JoinHandle<()>; 4],
}

/// Starts the service. If Stripe does not respond, the service starts all the same: the operation answers 502 until
/// Stripe responds.
pub async fn start(
    config: &ServeConfig,
    clock: Clock,
    resolver: Resolver,
) -> Result<Service, StartError> {
    let app = Arc::new(build_app(config, clock, resolver.clone()).await?);
    let current = watch::Sender::new(Arc::clone(&app));
    let mut store_writable = true;
    database_watch::check_write(&app.store, &mut store_writable).await;
    warn_about_unusual_settings(config);
    let recorded = configuration_watch::read_ids(&app).await;
    let lease = LeaseWatch::start(&app).await;
    let api_places = ports::api_places(config, &app);
    let api = open_port(
        config.listen,
        RequestLayer::api(current.subscribe(), ApiRoutes::default()),
        Arc::clone(&api_places),
        config,
    )?;
    let routes = operations::routes(&openapi::JSON);
    let operations = open_port(
        config.operations_listen,
        RequestLayer::operations(current.subscribe(), routes),
        ports::operations_places(&app),
        config,
    )?;
    let generation = app.generation;
    tracing::info!(api = %api.address(), operations = %operations.address(), generation, "listening");
    Ok(Service {
        instance: lease.instance(),
        tasks: start_tasks(&current, &app, recorded, store_writable, lease),
        current,
        api,
        api_places,
        operations,
        config: Box::new(config.clone()),
        started_with: Arc::clone(&config.settings),
        resolver,
    })
}

/// Starts the tasks that run until the service ends.
fn start_tasks(
    current: &watch::Sender<Arc<App>>,
    app: &App,
    recorded: configuration_watch::RecordedIds,
    store_writable: bool,
    lease: LeaseWatch,
) -> [JoinHandle<()>; 4] {
    [
        tokio::spawn(end_start_in_time(Arc::clone(&app.started))),
        tokio::spawn(configuration_watch::run(current.subscribe(), recorded)),
        tokio::spawn(database_watch::run(app.store.clone(), store_writable)),
        tokio::spawn(lease.run(current.subscribe())),
    ]
}

/// The instance becomes ready although Stripe does not respond, so that callers get the 502 that says so.
async fn end_start_in_time(started: Arc<SetOnce<()>>) {
    tokio::time::sleep(MAX_STARTING).await;
    _ = started.set(());
}

fn open_port(
    address: SocketAddr,
    endpoint: impl Endpoint<Output = Response> + 'static,
    places: Arc<Places>,
    config: &ServeConfig,
) -> Result<Listener, StartError> {
    Listener::open(address, endpoint, ports::timeouts(config), places)
        .map_err(|error| StartError::Listen { address, error })
}

async fn build_app(
    config: &ServeConfig,
    clock: Clock,
    resolver: Resolver,
) -> Result<App, StartError> {
    let store = Store::open(config.database_url.expose(), IfMissing::Create).await?;
    let metrics = Arc::new(Metrics::beginning_with(
        ErrorCode::ALL.map(|code| (code.status(), code.as_str())),
        UpstreamCause::ALL.map(UpstreamCause::as_str),
        WebhookOutcome::alarming().map(WebhookOutcome::as_str),
    ));
    let (stripe, counters) = (config.stripe.clone(), Arc::clone(&metrics));
    let stripe = Stripe::new(stripe, clock.clone(), resolver, counters)?;
    Ok(App {
        generation: FIRST_GENERATION,
        allow_list: config.allow_list.clone(),
        authenticator: Authenticator::new(store.clone(), clock.clone(), &metrics, config),
        trusted_proxies: trusted_proxies(config, &metrics),
        store,
        stripe: Arc::new(stripe),
        portal_url_ttl: config.portal_url_ttl,
        body_timeout: config.body_timeout,
        request_permits: Arc::new(Semaphore::new(config.max_in_flight)),
        webhook_memory: Arc::new(MemoryBudget::new(WEBHOOK_MEMORY, WEBHOOK_MEMORY_PER_PEER)),
        webhook_secrets: config.webhook_secrets.clone(),
        event_rules: config.event_rules.clone(),
        traces: traces(config, &clock, &metrics)?,
        clock,
        metrics,
        started: Arc::default(),
        draining: Arc::default(),
    })
}

fn traces(
    config: &ServeConfig,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Result<Traces, CollectorError> {
    let endpoint = config.otlp_endpoint.as_ref();
    Traces::new(endpoint, config.environment, clock, metrics)
}

fn trusted_proxies(config: &ServeConfig, metrics: &Metrics) -> Arc<TrustedProxies> {
    let (networks, unreadable) = (&config.trusted_proxies, &metrics.forwarded_for_unreadable);
    Arc::new(TrustedProxies::new(networks.clone(), unreadable.clone()))
}

/// Logs settings that are valid but unusual.
fn warn_about_unusual_settings(config: &ServeConfig) {
    for Problem { setting, problem } in &config.warnings.0 {
        tracing::warn!(event = "unusual_setting", setting, "{problem}");
    }
    if config.environment == Environment::Production && config.stripe.mode == Mode::Test {
        tracing::warn!("production with a Stripe test secret: nobody can pay");
    }
    if config.webhook_secrets.is_empty() {
        tracing::info!("stripe_webhook_secret is not set: webhooks are not received");
    }
}

impl Service {
    /// The address of the API, with the port that the system chose if the setting has port 0.
    pub fn api_address(&self) -> SocketAddr {
        self.api.address()
    }

    /// The address of the operations port, likewise.
    pub fn operations_address(&self) -> SocketAddr {
        self.operations.address()
    }

    /// Waits until the first verification of the portal configuration has ended, successful or not.
    pub async fn started(&self) {
        let started = Arc::clone(&self.current.borrow().started);
        started.wait().await;
    }

    /// Shuts down: reports it at /readyz, accepts requests for the shutdown delay, then finishes those in progress.
    pub async fn drain(self) {
        let app = Arc::clone(&self.current.borrow());
        app.draining.store(true, Ordering::Relaxed);
        tracing::info!("draining");
        tokio::time::sleep(self.config.shutdown_delay).await;
        if tokio::time::timeout(DRAIN_TIMEOUT, self.api.close())
            .await
            .is_err()
        {
            tracing::error!("some requests did not finish in time; their connections are closed");
        }
        self.tasks.iter().for_each(JoinHandle::abort);
        let flushing = app.traces.flush();
        let closing = async {
            // The operations port answers until the end.
            _ = tokio::time::timeout(OPERATIONS_CLOSE_TIMEOUT, self.operations.close()).await;
            let release = app.store.release_lease(&self.instance);
            _ = tokio::time::timeout(RELEASE_TIMEOUT, release).await;
            app.store.close().await;
        };
        let closing = tokio::time::timeout(CLOSE_TIMEOUT, closing);
        let (closed, ()) = tokio::join!(closing, flushing);
        if closed.is_err() {
            tracing::error!("the database did not close in time");
        }
    }
}
