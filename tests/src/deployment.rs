//! The whole product on one machine: the service as a process, set up by its own commands, its database and a simulated
//! Stripe. Nothing is left behind.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::service_process::{self, ServiceProcess};
use crate::stripe::SimulatedStripe;

/// A return URL that every deployment allows.
pub const RETURN_URL: &str = "https://app.example.com/settings/billing";

const SECRET: &str = "sk_test_simulated0000000000000000";
const CUSTOMER: &str = "cus_demo";

/// What every deployment is run with; a later setting wins.
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
pub struct Keys {
    /// Of an organization with a customer.
    pub opens: String,
    /// The same, to be used up.
    pub limited: String,
    /// Of an organization without a customer.
    pub without_customer: String,
    /// Without the scope.
    pub reads_only: String,
    /// Revoked.
    pub revoked: String,
}

/// A service, its database and its Stripe, for as long as the value lives.
pub struct Deployment {
    /// The simulated Stripe.
    pub stripe: Arc<SimulatedStripe>,
    /// The service.
    pub service: ServiceProcess,
    /// Keys of the service.
    pub keys: Keys,
    log: Option<PathBuf>,
    _directory: TempDir,
}

/// How a deployment is started.
#[derive(Debug, Default, Clone, Copy)]
pub struct Options<'a> {
    /// The loopback port of the API; a free one if it is 0 or taken.
    pub port: u16,
    /// Settings on top of those that every deployment has; a later one wins.
    pub settings: &'a [(&'a str, &'a str)],
    /// What the URLs of Stripe's sessions begin with, instead of Stripe's own.
    pub session_url: Option<&'a str>,
    /// Whether the service's log goes into a file instead of standard error.
    pub is_quiet: bool,
}

impl Deployment {
    /// Starts everything.
    pub async fn start(options: Options<'_>) -> Result<Self, Box<dyn Error>> {
        let mut stripe = SimulatedStripe::builder().secret(SECRET).customer(CUSTOMER);
        if let Some(url) = options.session_url {
            stripe = stripe.session_url(url);
        }
        let stripe = Arc::new(stripe.start().await?);
        let directory = tempfile::tempdir()?;
        let (api, operations) = (free_address(options.port)?, free_address(0)?);
        let database = directory.path().join("demo.db");
        let mut commands = Commands {
            directory: &directory,
            variables: Vec::new(),
        };
        commands.set("DATABASE_URL", &format!("sqlite://{}", database.display()));
        commands.set("STRIPE_API_BASE", &stripe.api_base());
        commands.set("LISTEN", &api.to_string());
        commands.set("OPERATIONS_LISTEN", &operations.to_string());
        for (name, value) in SETTINGS.iter().chain(options.settings) {
            commands.set(name, value);
        }
        let keys = commands.set_up().await?;
        let mut serve = commands.command(&["serve"])?;
        let log = options.is_quiet.then(|| directory.path().join("log"));
        if let Some(log) = &log {
            serve.stderr(File::create(log)?);
        }
        let mut service = ServiceProcess::start_at(serve, api, operations)?;
        service.until_it_opens_portals().await?;
        Ok(Self {
            stripe,
            service,
            keys,
            log,
            _directory: directory,
        })
    }

    /// What the service has logged, if that is in a file.
    pub fn log(&self) -> io::Result<String> {
        self.log
            .as_ref()
            .map_or(Ok(String::new()), fs::read_to_string)
    }

    /// Ends the service as an operator would; answers its exit status.
    pub async fn stop(self) -> io::Result<ExitStatus> {
        self.service.terminate().await?;
        let (status, _) = self.service.end().await?;
        Ok(status)
    }
}

/// The commands of the binary, with the deployment's settings and no others.
struct Commands<'a> {
    directory: &'a TempDir,
    variables: Vec<(String, String)>,
}

impl Commands<'_> {
    fn set(&mut self, name: &str, value: &str) {
        self.variables
            .push((format!("BILLING_PORTAL_{name}"), value.to_owned()));
    }

    fn command(&self, arguments: &[&str]) -> io::Result<Command> {
        let mut command = service_process::command(arguments, &self.variables)?;
        command
            // Away from a configuration file that lies about.
            .current_dir(self.directory)
            .stdin(Stdio::null())
            // Ctrl-C is for us; the service is ended by us.
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }

    /// Runs a command with `--json` and returns its answer.
    async fn run(&self, arguments: &[&str]) -> Result<Value, Box<dyn Error>> {
        let arguments = [arguments, &["--json"]].concat();
        let output = self.command(&arguments)?.output().await?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Makes a key; answers its id and the key itself.
    async fn create_key(&self, org: &str, scope: &str) -> Result<(String, String), Box<dyn Error>> {
        let create = ["key", "create", "--org", org, "--scope", scope];
        let made = self.run(&create).await?;
        let text = |field: &str| made[field].as_str().unwrap_or_default().to_owned();
        Ok((text("id"), text("key")))
    }

    async fn set_up(&self) -> Result<Keys, Box<dyn Error>> {
        for (id, name) in [("acme", "Acme"), ("newcomer", "Newcomer")] {
            let create = ["org", "create", "--id", id, "--name", name];
            self.run(&create).await?;
        }
        let link = ["customer", "link", "--org", "acme", CUSTOMER];
        self.run(&link).await?;
        let (_, opens) = self.create_key("acme", "billing:write").await?;
        let (_, limited) = self.create_key("acme", "billing:write").await?;
        let (_, without_customer) = self.create_key("newcomer", "billing:write").await?;
        let (_, reads_only) = self.create_key("acme", "billing:read").await?;
        let (id, revoked) = self.create_key("acme", "billing:write").await?;
        self.run(&["key", "revoke", &id]).await?;
        Ok(Keys {
            opens,
            limited,
            without_customer,
            reads_only,
            revoked,
        })
    }
}

/// A free loopback address, on the preferred port if that is free.
fn free_address(preferred: u16) -> io::Result<SocketAddr> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = bind(preferred).or_else(|_| bind(0))?;
    listener.local_addr()
}
