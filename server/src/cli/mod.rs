//! The command line. Each command answers for people or, with `--json`, one JSON value on standard output and
//! nothing else there; errors go to standard error with exit status 1, misuse with 2.

mod config;
mod customer;
mod doctor;
mod key;
mod org;
mod portal_config;
mod progress;
mod serve;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use clap::{Parser, Subcommand};
use serde::Serialize;
use serde_json::Value;

use crate::{
    clock::Clock,
    config::{Config, Problems},
    declared_openapi,
    store::{Store, StoreError},
    stripe::{Resolver, Stripe},
};

/// Opens Stripe's hosted billing portal through one operation, `POST /v1/billing/portal`.
#[derive(Debug, Parser)]
#[command(name = "billing-portal", version)]
struct Arguments {
    /// The configuration file [default: billing-portal.toml where it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer one JSON value
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve,
    /// Print the OpenAPI document that the code declares, as JSON
    Openapi,
    /// Organizations: whom keys and customers belong to
    #[command(subcommand)]
    Org(org::Command),
    /// API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Which Stripe customer an organization is
    #[command(subcommand)]
    Customer(customer::Command),
    /// The portal configuration at Stripe
    #[command(subcommand)]
    PortalConfig(portal_config::Command),
    /// The configuration of this service
    #[command(subcommand)]
    Config(config::Command),
    /// Say what would fail today, and what to do about it; changes nothing at Stripe
    Doctor,
}

/// What a command found out or did.
struct Report {
    json: Value,
    text: String,
    /// Whether all is well; if not, the exit status says so too.
    ok: bool,
    /// Lines for standard error; the JSON has them, too.
    complaints: Vec<String>,
}

impl Report {
    fn new(json: impl Serialize, text: String) -> Self {
        // What is reported is plain data; it always serialises.
        Self {
            json: serde_json::to_value(json).unwrap_or_default(),
            text,
            ..Self::nothing()
        }
    }

    /// Nothing to say.
    fn nothing() -> Self {
        Self {
            json: Value::Null,
            text: String::new(),
            ok: true,
            complaints: Vec::new(),
        }
    }

    /// A list: an array, or a line for each.
    fn list<T: Serialize>(items: &[T], line: impl Fn(&T) -> String) -> Self {
        Self::new(items, items.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Configuration(#[from] Problems),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Start(#[from] crate::StartError),
    #[error("{0}")]
    StripeSetup(#[from] crate::stripe::SetupError),
    #[error("Stripe: {cause} ({reason}); {remedy}", cause = .0.cause, reason = .0.reason, remedy = .0.cause.remedy())]
    Stripe(crate::stripe::Unavailable),
    #[error("{0}")]
    Other(String),
}

impl From<crate::stripe::Unavailable> for Failure {
    fn from(failure: crate::stripe::Unavailable) -> Self {
        Self::Stripe(failure)
    }
}

/// What the commands work with.
struct Session {
    file: Option<PathBuf>,
    variables: BTreeMap<String, String>,
    clock: Clock,
}

impl Session {
    fn config(&self) -> Result<Config, Problems> {
        Config::load(self.file.as_deref(), self.variables.clone())
    }

    /// With everything that `serve` needs.
    fn serving_config(&self) -> Result<Config, Problems> {
        Config::load_for_serving(self.file.as_deref(), self.variables.clone())
    }

    /// The same as far as it goes, with all that is wrong. None where the file cannot be read.
    fn readable_config(&self) -> (Option<Config>, Problems) {
        Config::read_for_serving(self.file.as_deref(), self.variables.clone())
    }

    /// Stripe, as the service would ask it.
    fn stripe(&self, config: &Config) -> Result<Stripe, Failure> {
        let (clock, metrics) = (self.clock.clone(), Arc::default());
        let (resolver, settings) = (Resolver::default(), config.settings());
        Ok(Stripe::new(
            config.stripe()?,
            settings,
            clock,
            resolver,
            metrics,
        )?)
    }

    async fn store(&self) -> Result<Store, Failure> {
        let url = self.config()?.database_url()?;
        Ok(Store::open(url.expose()).await?)
    }
}

/// Runs a command line (its first word is the program's name) with these environment variables, and returns the
/// exit status.
pub async fn run(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    variables: impl IntoIterator<Item = (String, String)>,
    stdout: &mut impl Write,
    stderr: &mut impl Write,
) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            let text = message.render();
            // Help and version are what was asked for; everything else is misuse.
            _ = if message.use_stderr() {
                write!(stderr, "{text}")
            } else {
                write!(stdout, "{text}")
            };
            return u8::try_from(message.exit_code()).unwrap_or(2);
        }
    };
    let session = Session {
        file: arguments.config,
        variables: variables.into_iter().collect(),
        clock: Clock::system(),
    };
    match execute(arguments.command, &session).await {
        Ok(report) => {
            let text = if arguments.json && !report.json.is_null() {
                report.json.to_string()
            } else {
                for complaint in &report.complaints {
                    _ = writeln!(stderr, "{complaint}");
                }
                report.text
            };
            match print(&text, stdout) {
                Ok(()) => u8::from(!report.ok),
                // A new key is shown here only, so what could not be shown has failed.
                Err(error) => {
                    _ = writeln!(stderr, "error: the answer could not be written: {error}");
                    1
                }
            }
        }
        Err(failure) => {
            _ = writeln!(stderr, "error: {failure}");
            1
        }
    }
}

fn print(text: &str, stdout: &mut impl Write) -> io::Result<()> {
    if !text.is_empty() {
        writeln!(stdout, "{text}")?;
    }
    stdout.flush()
}

async fn execute(command: Command, session: &Session) -> Result<Report, Failure> {
    match command {
        Command::Serve => serve::serve(session).await,
        Command::Openapi => {
            let document = declared_openapi::declared();
            Ok(Report::new(&document, format!("{document:#}")))
        }
        Command::Org(command) => org::execute(command, session).await,
        Command::Key(command) => key::execute(command, session).await,
        Command::Customer(command) => customer::execute(command, session).await,
        Command::PortalConfig(command) => portal_config::execute(command, session).await,
        Command::Config(command) => config::execute(&command, session),
        Command::Doctor => Ok(doctor::examine(session).await),
    }
}
