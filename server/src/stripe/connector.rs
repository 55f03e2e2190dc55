//! How connections to Stripe are made: looked up, connected, tunnelled if there is a proxy, and encrypted.

use std::{
    error::Error,
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    Uri,
    header::{HeaderMap, HeaderValue, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::Matcher,
    },
    rt::TokioIo,
};
use rustls::crypto::aws_lc_rs;
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

use super::resolver::Resolver;
use crate::config::Secret;

/// How long connecting may take, with the look-up and the TLS handshake. Stripe connects within 200 ms, and a lost SYN is sent again
/// after one second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection may be silent before the system asks whether the other end is still there, how long it waits
/// for the answer, and how often it asks: a network that loses connections silently is noticed within a minute.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(15), Duration::from_secs(15), 3);
/// How long the system may wait for the other end to acknowledge what was sent.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// What the service calls itself at Stripe and at the proxy.
pub(super) const OUR_USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("billing-portal/", env!("CARGO_PKG_VERSION")));

type Tcp = HttpConnector<Resolver>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type BoxError = Box<dyn Error + Send + Sync>;

/// Makes connections to Stripe. The client keeps a clone of it, several times, for each request.
#[derive(Clone)]
pub(super) struct Connector(Arc<Route>);

enum Route {
    /// From here.
    Direct(HttpsConnector<Tcp>),
    /// Through a tunnel that the proxy opens.
    Tunnelled(HttpsConnector<Tunnel<Tcp>>),
}

/// Connecting took longer than [`CONNECT_TIMEOUT`].
#[derive(Debug)]
pub(super) struct ConnectTimedOut;

impl fmt::Display for ConnectTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connecting took too long")
    }
}

impl Error for ConnectTimedOut {}

impl Connector {
    /// Connects to the host of `base`, through `proxy` if there is one. Only the system's certificate authorities are
    /// trusted.
    pub(super) fn new(base: &Uri, proxy: Option<&Secret>, resolver: Resolver) -> io::Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tls = HttpsConnectorBuilder::new().with_provider_and_platform_verifier(provider)?;
        let tls = match base.scheme_str() {
            Some("https") => tls.https_only(),
            _ => tls.https_or_http(),
        };
        let tls = tls.enable_http1();
        let tcp = tcp(resolver);
        Ok(Self(Arc::new(match proxy {
            None => Route::Direct(tls.wrap_connector(tcp)),
            Some(proxy) => Route::Tunnelled(tls.wrap_connector(tunnel(base, proxy, tcp))),
        })))
    }
}

fn tcp(resolver: Resolver) -> Tcp {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    // A small request is not to wait for more to send with it.
    tcp.set_nodelay(true);
    let (idle, interval, retries) = KEEPALIVE;
    tcp.set_keepalive(Some(idle));
    tcp.set_keepalive_interval(Some(interval));
    tcp.set_keepalive_retries(Some(retries));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    tcp
}

/// A tunnel to Stripe through the proxy, with the credentials that are in its URL.
fn tunnel(base: &Uri, proxy: &Secret, tcp: Tcp) -> Tunnel<Tcp> {
    let matcher = Matcher::builder().all(proxy.expose()).build();
    // The settings were checked: the URL is one of a proxy, for every destination.
    let proxy = matcher
        .intercept(base)
        .expect("the proxy's URL was checked");
    let headers = HeaderMap::from_iter([(USER_AGENT, OUR_USER_AGENT)]);
    let tunnel = Tunnel::new(proxy.uri().clone(), tcp).with_headers(headers);
    match proxy.basic_auth() {
        Some(credentials) => tunnel.with_auth(credentials.clone()),
        None => tunnel,
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    /// Each connection has its own future, so there is nothing to wait for.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stripe: Uri) -> Self::Future {
        let connecting = match &*self.0 {
            Route::Direct(connector) => connector.clone().call(stripe),
            Route::Tunnelled(connector) => connector.clone().call(with_port(stripe)),
        };
        Box::pin(async move {
            let connected = timeout(CONNECT_TIMEOUT, connecting).await;
            connected.map_err(|_| ConnectTimedOut)?
        })
    }
}

/// The tunnel takes 443 for the port of every URL that has none, also where nothing is encrypted.
fn with_port(uri: Uri) -> Uri {
    match (uri.scheme_str(), uri.host(), uri.port()) {
        (Some("http"), Some(host), None) => {
            let with_port = Uri::builder()
                .scheme("http")
                .authority(format!("{host}:80"))
                .path_and_query(uri.path());
            with_port.build().unwrap_or(uri)
        }
        _ => uri,
    }
}
