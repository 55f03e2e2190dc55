//! How Stripe's host name is resolved: by the system, or by a test.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

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

    /// For the HTTP client. `None`: the system's resolver.
    pub(super) fn custom(self) -> Option<Custom> {
        self.0.map(Custom)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

pub(super) struct Custom(Arc<dyn Fn(String) -> Looking + Send + Sync>);

impl Resolve for Custom {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = (self.0)(name.as_str().to_owned());
        Box::pin(async move {
            let addresses = looking.await?;
            // The client takes the port from the URL.
            let addresses = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
