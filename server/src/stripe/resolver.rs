//! How Stripe's host name is resolved: by the system, or by a test.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// How long a look-up may take. A resolver that works answers within 100 ms. It is shorter than the time for connecting,
/// which includes the look-up, so that the cause is known to be the resolver.
const LOOK_UP_TIMEOUT: Duration = Duration::from_millis(1500);

/// Where addresses come from. The default is the system's resolver.
#[derive(Clone, Default)]
pub struct Resolver(Option<Arc<dyn Fn(String) -> Looking + Send + Sync>>);

impl Resolver {
    /// A resolver that returns what `look_up` returns for a host name.
    pub fn from_fn<F>(look_up: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        Self(Some(Arc::new(move |host| Box::pin(look_up(host)))))
    }

    /// The addresses of a host.
    fn look_up(&self, host: String) -> Looking {
        match &self.0 {
            Some(look_up) => look_up(host),
            None => Box::pin(look_up_at_system(host)),
        }
    }
}

/// The system's look-up. It blocks a thread and cannot be cancelled.
async fn look_up_at_system(host: String) -> io::Result<Vec<IpAddr>> {
    let addresses = tokio::net::lookup_host((host, 0)).await?;
    Ok(addresses.map(|address| address.ip()).collect())
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let looking = self.look_up(name.as_str().to_owned());
        Box::pin(async move {
            let addresses = tokio::time::timeout(LOOK_UP_TIMEOUT, looking).await??;
            // The client takes the port from the URL.
            let addresses = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(addresses.collect::<Vec<_>>().into_iter())
        })
    }
}
