//! `cargo xtask`: one command for each thing that a maintainer does.
//!
//! The contract is edited by a person; everything here either makes something from it or holds something to it.
//! Nothing here links the server.

mod check;
mod ci;
mod coverage;
mod demo;
mod document;
mod exchange;
mod generate;
mod outcomes;
mod release;
mod rust_sdk;
mod schemathesis;
mod self_test;
mod typescript;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use check::{evidence::Evidence, report};

/// Maintainers' commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write every file that is derived from the contract
    Generate,
    /// Tell whether anything has drifted from the contract: exit 0 no, 4 `generate` mends it, 1 a person must
    Check {
        /// How to print the findings
        #[arg(long, value_enum, default_value_t)]
        format: report::Format,
    },
    /// Tell what a finding means; without an id, list them all
    Explain {
        /// Such as SRV-STATUS
        id: Option<String>,
    },
    /// Hold what the tests recorded to the contract: run them first
    Coverage {
        /// How to print the findings
        #[arg(long, value_enum, default_value_t)]
        format: report::Format,
    },
    /// Run the whole product here, with a simulated Stripe, until Ctrl-C
    Demo {
        /// Go through every outcome instead, print a table, and end
        #[arg(long)]
        once: bool,
    },
    /// Everything that must hold before a change lands: format, lints, docs, tests, the check
    Ci,
    /// Release the contract as VERSION: refused while anything has drifted or the version is too small for the change
    Release {
        /// Such as 1.1.0
        version: String,
    },
    /// Let schemathesis judge the running service; needs Python
    Schemathesis,
    /// Hold the TypeScript definitions' tests and example to the compiler; needs Node
    Typescript,
    /// Feed the check evidence that lies, and print which kinds of drift it sees
    SelfTest,
}

fn main() -> ExitCode {
    let root = workspace::root();
    match Arguments::parse().command {
        Command::Generate => generate::run(&root).map_or_else(problem, |()| ExitCode::SUCCESS),
        Command::Check { format } => {
            let findings = check::findings(&Evidence::gather(&root));
            report::report(&findings, format, &report::nothing_has_drifted())
        }
        Command::Explain { id } => report::explain(id.as_deref()),
        Command::Coverage { format } => coverage::run(format).unwrap_or_else(problem),
        Command::Demo { once } => demo::run(once).unwrap_or_else(problem),
        Command::Ci => ci::run(&root),
        Command::Release { version } => {
            release::run(&root, &version).map_or_else(problem, |()| ExitCode::SUCCESS)
        }
        Command::Schemathesis => schemathesis::run(&root).unwrap_or_else(problem),
        Command::Typescript => typescript::test().map_or_else(problem, |()| ExitCode::SUCCESS),
        Command::SelfTest => self_test::run(Evidence::gather(&root)).unwrap_or_else(problem),
    }
}

/// What a command could not do goes to stderr.
#[expect(clippy::needless_pass_by_value, reason = "it is the end of a result")]
fn problem(reason: String) -> ExitCode {
    eprintln!("{reason}");
    ExitCode::FAILURE
}
