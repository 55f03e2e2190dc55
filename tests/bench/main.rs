//! `cargo xtask bench`: what a request costs, beside the least that any server could do.
//!
//! The service runs as its users run it: the release binary, keys in SQLite, an allow-list, the log at info as JSON,
//! metrics and the audit; only the rate limits are off. The floor is raw hyper in and out. Both ask the same stand-in
//! for Stripe, in turn, and the ratios are between runs of one round: only these can be compared between machines.
//! Instructions, counted by callgrind, depend least on what else a machine is doing.

mod counted;
mod floor;
mod in_flight;
mod instructions;
mod layout;
mod load;
mod measured;
mod plot;
mod process;
mod requests;
mod result;
mod sample;
mod stand_in;
mod table;

use std::{env, process::ExitCode};

use result::Result;

const USAGE: &str =
    "bench [--rounds N] [--seconds N] [--save] | --in-flight N | --instructions | --layout";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        // The programs that this one starts.
        ["floor", port, stripe] => floor::run(port.parse()?, (*stripe).to_owned()),
        ["stripe", port, delay_ms] => stand_in::run(port.parse()?, delay_ms.parse()?),
        ["in-flight", requests] => in_flight::run(requests.parse()?),
        ["--in-flight", requests] => in_flight::run_with_all_descriptors(requests),
        ["--instructions"] => instructions::run(),
        ["--layout"] => layout::run(),
        words => measured::run(&measured::Options::read(words).ok_or(USAGE)?),
    }
}
