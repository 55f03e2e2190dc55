//! The command line. Each command prints text or, with `--json`, one JSON value on standard output and nothing else
//! there. Errors go to standard error with exit status 1, wrong usage with 2.

mod config;
mod context;
mod customer;
mod doctor;
mod key;
mod org;
mod portal_config;
mod progress;
mod report;
mod serve;

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
};

use clap::{Parser, Subcommand};

use crate::{clock::Clock, declared_openapi};
use context::{CliError, Context};
use report::Report;

/// Opens Stripe's hosted billing portal through one operation, `POST /v1/billing/portal`.
#[derive(Debug, Parser)]
#[command(name = "billing-portal", version)]
struct Arguments {
    /// The configuration file [default: billing-portal.toml where it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON value
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
    /// Organizations: the owners of keys and customers
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
    /// Report what would fail now and how to fix it; changes nothing at Stripe
    Doctor,
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
        Err(message) => return print_usage(&message, stdout, stderr),
    };
    let context = Context {
        file: arguments.config,
        variables: variables.into_iter().collect(),
        clock: Clock::system(),
    };
    match execute(arguments.command, &context).await {
        Ok(report) => print(report, arguments.json, stdout, stderr),
        Err(error) => {
            _ = writeln!(stderr, "error: {error}");
            1
        }
    }
}

async fn execute(command: Command, context: &Context) -> Result<Report, CliError> {
    match command {
        Command::Serve => serve::serve(context).await,
        Command::Openapi => {
            let document = declared_openapi::declared();
            Ok(Report::new(&document, format!("{document:#}")))
        }
        Command::Org(command) => org::execute(command, context).await,
        Command::Key(command) => key::execute(command, context).await,
        Command::Customer(command) => customer::execute(command, context).await,
        Command::PortalConfig(command) => portal_config::execute(command, context).await,
        Command::Config(command) => config::execute(&command, context),
        Command::Doctor => Ok(doctor::examine(context).await),
    }
}

/// Help and version were asked for and go to standard output; wrong usage goes to standard error.
fn print_usage(message: &clap::Error, stdout: &mut impl Write, stderr: &mut impl Write) -> u8 {
    let text = message.render();
    _ = if message.use_stderr() {
        write!(stderr, "{text}")
    } else {
        write!(stdout, "{text}")
    };
    u8::try_from(message.exit_code()).unwrap_or(2)
}

fn print(report: Report, json: bool, stdout: &mut impl Write, stderr: &mut impl Write) -> u8 {
    let text = if json && !report.json.is_null() {
        report.json.to_string()
    } else {
        for failure in &report.failures {
            _ = writeln!(stderr, "{failure}");
        }
        report.text
    };
    match print_text(&text, stdout) {
        Ok(()) => u8::from(report.failed),
        // A new key is shown only here, so the command has failed if it could not be shown.
        Err(error) => {
            _ = writeln!(stderr, "error: the output could not be written: {error}");
            1
        }
    }
}

fn print_text(text: &str, stdout: &mut impl Write) -> io::Result<()> {
    if !text.is_empty() {
        writeln!(stdout, "{text}")?;
    }
    stdout.flush()
}
