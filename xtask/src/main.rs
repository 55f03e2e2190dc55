//! `cargo xtask`: one command for each thing that a maintainer does.
//!
//! The contract is edited by a person; the commands make files from it or compare something with it. What reads the
//! contract is behind the feature `contract`, so that the demo builds without the SDK's generator.

mod ci;
mod commands;
#[cfg(feature = "contract")]
mod contract;
mod dependencies;
mod product;
#[cfg(feature = "contract")]
mod sbom;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use commands::{Arguments, Command};

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Ci => ci::run(),
        Command::Dependencies => dependencies::run(),
        Command::Demo { once } => product::demo(once),
        Command::Schemathesis => product::schemathesis(),
        Command::Bench { arguments } => product::bench(&arguments),
        #[cfg(feature = "contract")]
        command => contract::run(command),
        #[cfg(not(feature = "contract"))]
        _ => workspace::restart_with_contract(),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}
