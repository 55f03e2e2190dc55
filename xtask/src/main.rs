//! `cargo xtask`: one command for each thing that a maintainer does.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{
    check::{self, evidence::Evidence, report},
    generate, workspace,
};

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
}

fn main() -> ExitCode {
    let root = workspace::root();
    match Arguments::parse().command {
        Command::Generate => done(generate::run(&root)),
        Command::Check { format } => {
            report::report(&check::findings(&Evidence::gather(&root)), format)
        }
        Command::Explain { id } => report::explain(id.as_deref()),
    }
}

/// What a command that found no way says goes to stderr.
fn done(outcome: Result<(), String>) -> ExitCode {
    outcome.map_or_else(
        |problem| {
            eprintln!("{problem}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}
