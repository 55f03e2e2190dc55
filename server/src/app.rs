//! Puts the service together, starts it and ends it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use poem::Request;
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::{
    api_key::Mode,
    auth::Authenticator,
    clock::Clock,
    config::{Config, Environment, Problems, Secret, Settings},
    http::{
        connection::Patience, error_code::ErrorCode, listener::Listener, router::Router, swagger_ui,
    },
    limits::Room,
    metrics::Metrics,
    operations,
    portal::Portal,
    request_layer::Respond,
    return_url::AllowList,
    store::{Store, StoreError},
    stripe::{Resolver, Stripe, UpstreamCause},
    webhooks,
};

/// How long the requests under way may take once no more are accepted.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
/// Memory for webhooks, in all and from one peer. The largest takes 1024 KiB, a usual one 16.
const WEBHOOK_KIB: usize = 8 * 1024;
const WEBHOOK_KIB_OF_A_PEER: usize = 3 * 1024;
/// How often the portal configuration is looked at, and how soon again while it is not verified.
const VERIFY_EVERY: Duration = Duration::from_mins(10);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// What every request needs.
pub struct App {
    /// Time and randomness.
    pub clock: Clock,
    /// The deployment's mode: that of the Stripe secret.
    pub mode: Mode,
    /// The return-URL policy.
    pub allow_list: AllowList,
    /// Who is calling.
    pub authenticator: Authenticator,
    /// The database.
    pub store: Store,
    /// Stripe.
    pub stripe: Arc<Stripe>,
    /// How long a caller may use a portal URL.
    pub portal_url_ttl: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// Places for requests that are served at a time.
    pub places: Arc<Semaphore>,
    /// Memory for webhooks.
    pub(crate) webhook_room: Room,
    /// The secrets with which webhooks are signed.
    pub webhook_secrets: Vec<Secret>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether the service is about to end.
    pub draining: AtomicBool,
}

impl App {
    async fn new(config: &Config, clock: Clock, resolver: Resolver) -> Result<Self, StartError> {
        let (settings, serving) = (config.settings(), config.serving()?);
        let store = Store::open(serving.database_url.expose()).await?;
        let mode = serving.stripe.mode;
        let metrics = Arc::new(Metrics::beginning_with(
            ErrorCode::ALL.map(|code| (code.status(), code.as_str())),
            UpstreamCause::ALL.map(UpstreamCause::as_str),
            webhooks::ALARMING,
        ));
        let stripe = Stripe::new(
            serving.stripe,
            settings,
            clock.clone(),
            resolver,
            Arc::clone(&metrics),
        )?;
        Ok(Self {
            mode,
            allow_list: serving.allow_list,
            authenticator: Authenticator::new(store.clone(), clock.clone(), mode, settings),
            store,
            stripe: Arc::new(stripe),
            clock,
            portal_url_ttl: serving.portal_url_ttl,
            body_timeout: seconds(settings.body_timeout_seconds),
            places: Arc::new(Semaphore::new(settings.max_in_flight as usize)),
            webhook_room: Room::new(WEBHOOK_KIB, WEBHOOK_KIB_OF_A_PEER),
            webhook_secrets: settings.stripe_webhook_secret.clone(),
            metrics,
            draining: AtomicBool::new(false),
        })
    }

    /// The app that serves this request.
    ///
    /// # Panics
    /// Outside of the outermost layer, which hands it to every request.
    pub fn of(request: &Request) -> &Self {
        request
            .data::<Arc<Self>>()
            .expect("the outermost layer hands over the app")
    }
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error("{0}")]
    Configuration(#[from] Problems),
    /// The database cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The connections to Stripe cannot be set up.
    #[error("Stripe client: {0}")]
    Stripe(#[from] crate::stripe::SetupError),
    /// A port cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
}

/// The running service.
pub struct Service {
    app: Arc<App>,
    api: Listener,
    operations: Listener,
    promise: JoinHandle<()>,
    shutdown_delay: Duration,
}

/// Starts the service. Stripe may be away: the operation answers 502 until it is back.
pub async fn start(
    config: &Config,
    clock: Clock,
    resolver: Resolver,
) -> Result<Service, StartError> {
    let settings = config.settings();
    let app = Arc::new(App::new(config, clock, resolver).await?);
    warn_of_surprises(settings, app.mode);
    let patience = Patience {
        headers: seconds(settings.header_timeout_seconds),
        idle: seconds(settings.idle_timeout_seconds),
    };
    let max = settings.max_connections;
    let refused = |address| move |error| StartError::Listen { address, error };
    let mut routes = swagger_ui::routes(Router::default().operations(Portal));
    if !app.webhook_secrets.is_empty() {
        routes = webhooks::routes(routes);
    }
    let api = Respond::api(Arc::clone(&app), routes);
    let api =
        Listener::open(settings.listen, api, patience, max).map_err(refused(settings.listen))?;
    let operations = Respond::operations(Arc::clone(&app), operations::routes());
    let operations = Listener::open(settings.operations_listen, operations, patience, max);
    let operations = operations.map_err(refused(settings.operations_listen))?;
    tracing::info!(api = %api.address(), operations = %operations.address(), "listening");
    Ok(Service {
        promise: tokio::spawn(keep_promise(Arc::clone(&app.stripe))),
        app,
        api,
        operations,
        shutdown_delay: seconds(settings.shutdown_delay_seconds),
    })
}

/// What is allowed, and not what one might expect of it.
fn warn_of_surprises(settings: &Settings, mode: Mode) {
    if settings.environment == Environment::Production && mode == Mode::Test {
        tracing::warn!("production with a Stripe test secret: nobody can pay");
    }
    if settings.stripe_webhook_secret.is_empty() {
        tracing::info!("without stripe_webhook_secret no webhooks are received");
    }
}

impl Service {
    /// Where the API is.
    pub fn api_address(&self) -> SocketAddr {
        self.api.address()
    }

    /// Where the operations port is.
    pub fn operations_address(&self) -> SocketAddr {
        self.operations.address()
    }

    /// Ends the service: says so at /readyz, still accepts for a while, then answers what is under way.
    pub async fn drain(self) {
        self.app.draining.store(true, Ordering::Relaxed);
        tracing::info!("draining");
        tokio::time::sleep(self.shutdown_delay).await;
        if tokio::time::timeout(DRAIN_LIMIT, self.api.close())
            .await
            .is_err()
        {
            tracing::error!("some requests did not end in time and are cut off");
        }
        self.promise.abort();
        // The operations port answers to the end; a probe that hangs on to it is not waited for.
        _ = tokio::time::timeout(Duration::from_secs(1), self.operations.close()).await;
        self.app.store.close().await;
    }
}

/// Verifies the portal configuration at start, now and then, and when there is doubt.
async fn keep_promise(stripe: Arc<Stripe>) {
    let mut retry = FIRST_RETRY;
    loop {
        let wait = match stripe.keep_promise().await {
            Ok(verification) if verification.ok => {
                retry = FIRST_RETRY;
                VERIFY_EVERY
            }
            _ => {
                let next = LAST_RETRY.min(retry * 2);
                std::mem::replace(&mut retry, next)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stripe.promise().in_doubt.notified() => {}
        }
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}
