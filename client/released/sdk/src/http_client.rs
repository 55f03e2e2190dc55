//! The HTTP clients through which requests are sent: one that keeps connections, and one that opens a new connection for
//! each request.
//!
//! After a kept connection has failed, the others may be dead too: a balancer or a restart closes all of them at once.
//! So a retry goes over a new connection.

use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{ClientBuilder, Url, redirect, retry};

use crate::base_url;
use crate::error::Error;
use crate::new_connection::NewConnectionLayer;

/// How long an idle connection is kept. Shorter than the 60 s after which common balancers close idle connections, so
/// that a request rarely meets a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// The HTTP clients of one SDK client.
pub(crate) struct HttpClients {
    pool: RwLock<Pool>,
    /// How clients are made here. `None` for a client that the program brought.
    own: Option<Own>,
}

/// A client that keeps connections.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) client: reqwest::Client,
    /// How many pools there were before.
    generation: u64,
}

struct Own {
    connect_timeout: Duration,
    base_url: Url,
    /// Keeps no connection. Made when it is first needed, which is rare.
    unpooled: OnceLock<reqwest::Client>,
}

impl HttpClients {
    /// Clients with this crate's settings. Fails if the system's certificates cannot be loaded.
    pub(crate) fn new(connect_timeout: Duration, base_url: &Url) -> Result<Self, Error> {
        let own = Own {
            connect_timeout,
            base_url: base_url.clone(),
            unpooled: OnceLock::new(),
        };
        let client = own.builder().build().map_err(|error| {
            Error::configuration("http_client", format!("cannot be made: {error}"))
        })?;
        Ok(Self {
            pool: RwLock::new(Pool::first(client)),
            own: Some(own),
        })
    }

    /// The program's own client. Its connections cannot be observed, so all requests go through its pool.
    pub(crate) fn brought(client: reqwest::Client) -> Self {
        Self {
            pool: RwLock::new(Pool::first(client)),
            own: None,
        }
    }

    /// Whether it is known which requests open a connection.
    pub(crate) fn observes_connections(&self) -> bool {
        self.own.is_some()
    }

    /// A client that may use a kept connection.
    pub(crate) fn pool(&self) -> Pool {
        self.pool
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A client that opens a new connection, if this crate made the clients.
    pub(crate) fn unpooled(&self) -> reqwest::Client {
        let Some(own) = &self.own else {
            return self.pool().client;
        };
        let unpooled = own.unpooled.get_or_init(|| {
            let unpooled = own.builder().pool_max_idle_per_host(0);
            // The same settings worked for the pool. If they do not work now, a kept connection is the best.
            unpooled.build().unwrap_or_else(|_| self.pool().client)
        });
        unpooled.clone()
    }

    /// Abandons the connections of a pool, unless another call has done so. One of them swallowed a request: then the
    /// network dropped it silently, and probably the others too, and each of them would cost a call its share of time.
    pub(crate) fn abandon(&self, pool: &Pool) {
        let Some(own) = &self.own else { return };
        let mut current = self.pool.write().unwrap_or_else(PoisonError::into_inner);
        if current.generation != pool.generation {
            return;
        }
        // If no client can be made now, the old one still works, at the cost described above.
        if let Ok(client) = own.builder().build() {
            let generation = pool.generation + 1;
            *current = Pool { client, generation };
        }
    }
}

impl Pool {
    fn first(client: reqwest::Client) -> Self {
        Self {
            client,
            generation: 0,
        }
    }
}

impl Own {
    fn builder(&self) -> ClientBuilder {
        let builder = without_other_features()
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .connector_layer(NewConnectionLayer)
            .redirect(redirect::Policy::none())
            // Calls are repeated by this crate alone: it knows the deadline.
            .retry(retry::never());
        let builder = match base_url::loopback_name(&self.base_url) {
            Some((name, addresses)) => builder.resolve_to_addrs(name, &addresses),
            None => builder,
        };
        if self.base_url.scheme() == "http" {
            // A proxy would see the key, which is sent in the clear.
            builder.no_proxy()
        } else {
            builder
        }
    }
}

/// A builder that sends the same with every set of reqwest's features: the program's other crates may have turned on
/// compression, HTTP/2, another resolver or another TLS implementation for the whole build.
fn without_other_features() -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .http1_only()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .no_hickory_dns();
    #[cfg(feature = "rustls")]
    let builder = builder.tls_backend_rustls();
    #[cfg(all(feature = "native-tls", not(feature = "rustls")))]
    let builder = builder.tls_backend_native();
    builder
}
