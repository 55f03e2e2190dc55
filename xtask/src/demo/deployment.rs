//! A service, its database and its Stripe, for as long as the value lives.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{ExitCode, Stdio},
    time::Duration,
};

use conformance::stripe::SimulatedStripe;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::raw_http;

const SECRET: &str = "sk_test_simulated0000000000000000";
const CUSTOMER: &str = "cus_demo";
/// How long the service may take to start and to verify the portal configuration.
const START_LIMIT: Duration = Duration::from_secs(20);

/// What every demo is run with; a later setting wins.
const SETTINGS: [(&str, &str); 5] = [
    ("ENVIRONMENT", "development"),
    ("STRIPE_SECRET_KEY", SECRET),
    (
        "RETURN_URL_ALLOW_LIST",
        "https://app.example.com,http://localhost:3000",
    ),
    ("LOG", "warn"),
    ("LOG_FORMAT", "text"),
];

/// Keys for each way in which a call can end.
pub(crate) struct Keys {
    /// Of an organization with a customer.
    pub(crate) opens: String,
    /// The same, to be used up.
    pub(crate) limited: String,
    /// Of an organization without a customer.
    pub(crate) without_customer: String,
    /// Without the scope.
    pub(crate) reads_only: String,
    /// Withdrawn.
    pub(crate) revoked: String,
}

/// The running demo.
pub(crate) struct Deployment {
    pub(crate) stripe: SimulatedStripe,
    pub(crate) api: SocketAddr,
    pub(crate) operations: SocketAddr,
    pub(crate) keys: Keys,
    service: Child,
    _directory: TempDir,
}

impl Deployment {
    /// Starts everything; the API on `port` of the loopback address, or on a free one if that is taken.
    pub(crate) async fn start(
        binary: &Path,
        port: u16,
        limits: &[(&str, &str)],
    ) -> Result<Self, String> {
        let stripe = SimulatedStripe::builder()
            .secret(SECRET)
            .customer(CUSTOMER)
            .start()
            .await;
        let stripe = stripe.map_err(|error| format!("the simulated Stripe: {error}"))?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (api, operations) = (free_address(port)?, free_address(0)?);

        let mut environment = Environment::new(binary, directory.path());
        environment.set("STRIPE_API_BASE", &stripe.api_base());
        environment.set("LISTEN", &api.to_string());
        environment.set("OPERATIONS_LISTEN", &operations.to_string());
        for (name, value) in SETTINGS.iter().chain(limits) {
            environment.set(name, value);
        }
        let keys = environment.set_up().await?;
        let mut service = environment
            .command(&["serve"])
            .spawn()
            .map_err(|error| error.to_string())?;
        tokio::select! {
            ended = service.wait() => return Err(format!("the service ended early: {ended:?}")),
            ready = timeout(START_LIMIT, ready(operations)) => {
                ready.map_err(|_| "the service did not become ready in time")?;
            }
        }
        Ok(Self {
            stripe,
            api,
            operations,
            keys,
            service,
            _directory: directory,
        })
    }

    /// Ends the service as an operator would, and tells whether it ended well.
    pub(crate) async fn stop(mut self) -> Result<ExitCode, String> {
        let Some(id) = self.service.id() else {
            return Err("the service has ended by itself".to_owned());
        };
        // The standard library can only kill; the service is to drain.
        _ = Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status()
            .await;
        let status = self
            .service
            .wait()
            .await
            .map_err(|error| error.to_string())?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// How the binary is run.
struct Environment<'a> {
    binary: &'a Path,
    directory: &'a Path,
    variables: Vec<(String, String)>,
}

impl<'a> Environment<'a> {
    fn new(binary: &'a Path, directory: &'a Path) -> Self {
        let mut environment = Self {
            binary,
            directory,
            variables: Vec::new(),
        };
        environment.set(
            "DATABASE_URL",
            &format!("sqlite://{}/demo.db", directory.display()),
        );
        environment
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables
            .push((format!("BILLING_PORTAL_{name}"), value.to_owned()));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binary);
        command
            .args(arguments)
            // Not the caller's settings, nor a configuration file that lies about.
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory)
            .stdin(Stdio::null())
            // Ctrl-C is for us; the service is ended by us.
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Runs a command with `--json` and returns its answer.
    async fn ask(&self, arguments: &[&str]) -> Result<Value, String> {
        let output = self
            .command(&[arguments, &["--json"]].concat())
            .output()
            .await;
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    }

    async fn create_key(&self, org: &str, scope: &str) -> Result<(String, String), String> {
        let made = self
            .ask(&["key", "create", "--org", org, "--scope", scope])
            .await?;
        let text = |field: &str| made[field].as_str().unwrap_or_default().to_owned();
        Ok((text("id"), text("key")))
    }

    async fn set_up(&self) -> Result<Keys, String> {
        self.ask(&["org", "create", "--id", "acme", "--name", "Acme"])
            .await?;
        self.ask(&["org", "create", "--id", "newcomer", "--name", "Newcomer"])
            .await?;
        self.ask(&["customer", "link", "--org", "acme", CUSTOMER])
            .await?;
        let (_, opens) = self.create_key("acme", "billing:write").await?;
        let (_, limited) = self.create_key("acme", "billing:write").await?;
        let (_, without_customer) = self.create_key("newcomer", "billing:write").await?;
        let (_, reads_only) = self.create_key("acme", "billing:read").await?;
        let (id, revoked) = self.create_key("acme", "billing:write").await?;
        self.ask(&["key", "revoke", &id]).await?;
        Ok(Keys {
            opens,
            limited,
            without_customer,
            reads_only,
            revoked,
        })
    }
}

/// Waits until the service would open a portal.
async fn ready(operations: SocketAddr) {
    loop {
        let answer = raw_http::get(operations, "/readyz")
            .await
            .unwrap_or_default();
        if answer.json["ready"] == true && answer.json["portal_configuration_verified"] == true {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

fn free_address(preferred: u16) -> Result<SocketAddr, String> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = bind(preferred)
        .or_else(|_| bind(0))
        .map_err(|error| error.to_string())?;
    listener.local_addr().map_err(|error| error.to_string())
}
