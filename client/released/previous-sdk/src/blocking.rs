//! The client for programs without an async runtime: the same calls, which return when they are done.

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::call::CreatePortalSession;
use crate::error::Error;
use crate::session::PortalSession;

/// Opens billing portals; each call blocks its thread. Cheap to clone: clones share their connections.
///
/// It keeps a runtime on a thread of its own. Do not call it in async code: the call panics there, because it would
/// block a thread that other tasks need.
///
/// ```no_run
/// use billing_portal_client::blocking::Client;
///
/// let client = Client::from_env()?;
/// let session = client.create_portal_session("https://app.example.com/settings/billing")?;
/// # Ok::<(), billing_portal_client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    client: crate::Client,
    runtime: Arc<Runtime>,
}

impl Client {
    /// A client from the variables `BILLING_PORTAL_API_KEY` and `BILLING_PORTAL_BASE_URL`.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(crate::Client::from_env()?)
    }

    /// A client with the settings, and the connections, of an async one.
    pub fn new(client: crate::Client) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("billing portal client")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::configuration("blocking", format!("cannot start its runtime: {error}"))
            })?;
        Ok(Self {
            client,
            runtime: Arc::new(runtime),
        })
    }

    /// Opens the portal; see [`Client::create_portal_session`](crate::Client::create_portal_session).
    pub fn create_portal_session(
        &self,
        return_url: impl Into<String>,
    ) -> Result<PortalSession, Error> {
        self.create_portal_session_with(return_url, |call| call)
    }

    /// Opens the portal with settings for this call alone.
    ///
    /// ```no_run
    /// # fn open(client: billing_portal_client::blocking::Client) -> Result<(), billing_portal_client::Error> {
    /// let session = client.create_portal_session_with("https://app.example.com/billing", |call| call.max_retries(0))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_portal_session_with(
        &self,
        return_url: impl Into<String>,
        change: impl FnOnce(CreatePortalSession) -> CreatePortalSession,
    ) -> Result<PortalSession, Error> {
        let call = change(self.client.create_portal_session(return_url));
        self.runtime.block_on(async { call.await })
    }
}
