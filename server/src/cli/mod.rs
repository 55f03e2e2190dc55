//! The command line. Each command prints text or, with `--json`, one JSON value on standard output and nothing else
//! there. Errors go to standard error with exit status 1, wrong usage with 2.

mod config;
mod context;
mod customer;
mod database;
mod doctor;
mod examples;
mod healthcheck;
mod key;
mod name;
mod org;
mod output_stream;
mod portal_config;
mod progress;
mod reload;
mod report;
mod serve;
mod shell;
mod terminal;
mod why;

use std::{
    ffi::OsString,
    io::{Read, Write},
    path::PathBuf,
    sync::Mutex,
};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    clock::Clock, config::without_url_credentials, declared_openapi, escaping::printable_text,
    redaction::redact,
};
use context::{CliError, Context};
use examples::with_examples;
pub use output_stream::OutputStream;
use report::{Output, Report};
pub use terminal::Terminals;
use terminal::{Colour, highlight};

/// Opens Stripe's hosted billing portal through `POST /v1/billing/portal`.
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
    /// Have the running service read its settings again, without losing a request
    ///
    /// It asks the service on this machine whose `operations_listen` is that of this command's own configuration. Run it as
    /// the service's user or as root. SIGHUP to the service does the same.
    Reload,
    /// Print the OpenAPI document that the code declares, as JSON
    Openapi,
    /// Organizations: the owners of keys and customers
    #[command(subcommand)]
    Org(org::Command),
    /// API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Link organizations to their customers at Stripe
    #[command(subcommand)]
    Customer(customer::Command),
    /// The portal configuration at Stripe
    #[command(subcommand)]
    PortalConfig(portal_config::Command),
    /// Move to another database
    #[command(subcommand)]
    Database(database::Command),
    /// Copy the SQLite database to a new file, while the service runs
    Backup {
        /// The file to create
        file: PathBuf,
    },
    /// The configuration of this service
    #[command(subcommand)]
    Config(config::Command),
    /// Report what would fail now and how to fix it; changes nothing at Stripe
    ///
    /// The exit status is 0 if every check passed and 1 if one failed.
    Doctor,
    /// Exit with 0 if the running service is alive, and with 1 if not; for images without an HTTP client
    ///
    /// It asks the address that `operations_listen` has in this command's own configuration.
    Healthcheck {
        /// Also require that the service is ready for requests
        #[arg(long)]
        ready: bool,
    },
    /// Say what was decided about a request, why, whose turn it is, and what to do
    ///
    /// It reads the service's log, as JSON, line by line. Lines may have something before the JSON, or the JSON in the field
    /// `log` or `MESSAGE`, as container runtimes and journald write it.
    Why {
        /// The id in the header `X-Request-Id` and in `error.request_id` of the answer
        request_id: String,
        /// The file of the log, or - for standard input
        #[arg(long, value_name = "FILE", default_value = "-")]
        log: PathBuf,
    },
    /// Print the script that completes commands and options in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages of all commands into a directory
    Man {
        /// The directory, which is created if it does not exist
        directory: PathBuf,
    },
}

/// Runs a command line (its first word is the program's name) with these environment variables, and returns the
/// exit status: 0 on success, 1 on a failure, 2 on wrong usage.
pub async fn run(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    variables: impl IntoIterator<Item = (String, String)>,
    stdin: &mut (impl Read + Send),
    stdout: &mut impl OutputStream,
    stderr: &mut (impl Write + Send),
    terminals: Terminals,
) -> u8 {
    let variables = variables.into_iter().collect();
    let colours = terminals.with_colours(&variables);
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(message) => return print_usage(&message, colours, stdout, stderr),
    };
    if let Err(error) = require_output(&arguments.command, stdout) {
        return print_failure(&error, colours, stderr);
    }
    let context = Context {
        file: arguments.config,
        variables,
        clock: Clock::system(),
        stdin: Mutex::new(stdin),
        stderr: Mutex::new(stderr),
    };
    let result = execute(arguments.command, &context).await;
    drop(context);
    match result {
        Ok(report) => {
            let output = Output {
                is_terminal: terminals.stdout,
                has_colours: colours.stdout,
            };
            report.print(arguments.json, output, stdout, stderr)
        }
        Err(error) => print_failure(&error, colours, stderr),
    }
}

/// A key is shown once, so it is not created where nobody would see it.
fn require_output(command: &Command, stdout: &impl OutputStream) -> Result<(), CliError> {
    match command {
        Command::Key(command) if command.prints_new_key() => stdout.check().map_err(|error| {
            CliError::Other(format!(
                "standard output cannot be written: {error}; nothing was changed, because nobody would see the new \
                 key; give --out FILE to have it written into a file"
            ))
        }),
        _ => Ok(()),
    }
}

/// All commands, with examples.
fn program() -> clap::Command {
    with_examples(Arguments::command())
}

fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Arguments, clap::Error> {
    let mut command = program();
    let matches = command.try_get_matches_from_mut(arguments)?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Prints the error and returns the exit status.
fn print_failure(error: &CliError, colours: Terminals, stderr: &mut impl Write) -> u8 {
    let text = safe(&format!("error: {error}"));
    let text = if colours.stderr {
        highlight(&text, &[("error:", Colour::Red)])
    } else {
        text
    };
    _ = writeln!(stderr, "{text}");
    1
}

/// Without secrets, which a person may have given in place of something else, and without what moves a terminal.
fn safe(text: &str) -> String {
    printable_text(&redact(text)).into_owned()
}

async fn execute(command: Command, context: &Context<'_>) -> Result<Report, CliError> {
    match command {
        Command::Serve => Box::pin(serve::serve(context)).await,
        Command::Reload => reload::reload(context).await,
        Command::Openapi => {
            let document = declared_openapi::declared();
            Ok(Report::new(&document, format!("{document:#}")))
        }
        Command::Org(command) => org::execute(command, context).await,
        Command::Key(command) => key::execute(command, context).await,
        Command::Customer(command) => customer::execute(command, context).await,
        Command::PortalConfig(command) => portal_config::execute(command, context).await,
        Command::Database(command) => database::execute(command, context).await,
        Command::Backup { file } => database::back_up(file, context).await,
        Command::Config(command) => config::execute(&command, context),
        Command::Doctor => Ok(doctor::examine(context).await),
        Command::Healthcheck { ready } => healthcheck::healthcheck(ready, context).await,
        Command::Why { request_id, log } => why::why(&request_id, &log, context),
        Command::Completions { shell } => shell::completions(program(), shell),
        Command::Man { directory } => shell::man(program(), &directory),
    }
}

/// Help and version were asked for and go to standard output; wrong usage goes to standard error.
fn print_usage(
    message: &clap::Error,
    colours: Terminals,
    stdout: &mut impl Write,
    stderr: &mut impl Write,
) -> u8 {
    let text = message.render();
    _ = if message.use_stderr() {
        // The message quotes what was wrong, which may be a secret or move the terminal.
        let text = safe(&without_url_credentials(&text.to_string()));
        let highlights = &[("error:", Colour::Red), ("tip:", Colour::Green)];
        if colours.stderr {
            write!(stderr, "{}", highlight(&text, highlights))
        } else {
            write!(stderr, "{text}")
        }
    } else if colours.stdout {
        write!(stdout, "{}", text.ansi())
    } else {
        write!(stdout, "{text}")
    };
    u8::try_from(message.exit_code()).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{examples::EXAMPLES, *};

    fn collect(command: &clap::Command, path: &str, into: &mut BTreeSet<String>) {
        into.insert(path.to_owned());
        for subcommand in command.get_subcommands() {
            let path = format!("{path} {}", subcommand.get_name());
            collect(subcommand, path.trim_start(), into);
        }
    }

    #[test]
    fn every_command_has_an_example_and_no_other_is_named() {
        let mut commands = BTreeSet::new();
        collect(&Arguments::command(), "", &mut commands);
        let named = EXAMPLES.iter().map(|(path, _)| (*path).to_owned());
        assert_eq!(named.collect::<BTreeSet<_>>(), commands);
    }

    #[test]
    fn every_example_is_a_line_of_its_command_that_can_be_parsed() {
        for (path, lines) in EXAMPLES {
            for line in *lines {
                // Without what the shell takes for itself.
                let ours = line.rsplit("| ").next().unwrap_or_default();
                let ours = ours.split(['<', '>']).next().unwrap_or_default();
                let ours = ours.replace("'Acme Inc.'", "Acme");
                let begins = format!("billing-portal {path}");
                assert!(ours.starts_with(begins.trim_end()), "{line}");
                if let Err(error) = Arguments::try_parse_from(ours.split_whitespace()) {
                    panic!("{line}: {error}");
                }
            }
        }
    }
}
