//! Maintainers' commands: `cargo xtask generate`, `check`, `ci`, `demo`.

mod contract;
mod generate;
mod outcomes;
mod rust_sdk;

use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("generate") => generate::run(),
        _ => Err("usage: cargo xtask generate".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
