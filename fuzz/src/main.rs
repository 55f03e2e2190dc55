//! `mutate TARGET INPUTS [NUMBER]`: runs so many inputs; without NUMBER the time chooses which. `mutate all INPUTS` runs
//! every target. Prints the number, with which the same inputs run again. `mutate accepted INPUTS [NUMBER]` prints the
//! return URLs that are accepted, each with its canonical form, as JSON.

use std::env;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use billing_portal_fuzz::{ALL, Limit, accepted_return_urls, run, seeds};

/// Not a target: prints instead of running.
const ACCEPTED: &str = "accepted";
const USAGE: &str = "usage: mutate TARGET|all|accepted INPUTS [NUMBER]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((name, inputs, number)) = read(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let folder = env::current_dir().unwrap_or_default();
    let folder = if folder.join("seeds").is_dir() {
        folder
    } else {
        folder.join("fuzz")
    };
    if name == ACCEPTED {
        return done(print_accepted(&folder, inputs, number));
    }
    let targets = ALL
        .into_iter()
        .filter(|(known, _)| name == "all" || name == *known);
    for target in targets {
        let outcome = run_one(target, &folder, inputs, number);
        if outcome.is_err() {
            return done(outcome);
        }
    }
    ExitCode::SUCCESS
}

fn done(outcome: io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print_accepted(folder: &Path, inputs: u64, number: u64) -> io::Result<()> {
    let seeds = seeds(folder, "return_url")?;
    let mut output = BufWriter::new(io::stdout().lock());
    for (text, canonical) in accepted_return_urls(&seeds, number, inputs) {
        writeln!(output, "{}", serde_json::json!([text, canonical]))?;
    }
    output.flush()
}

fn run_one(
    target: billing_portal_fuzz::Target,
    folder: &Path,
    inputs: u64,
    number: u64,
) -> io::Result<()> {
    let seeds = seeds(folder, target.0)?;
    println!(
        "{}: {inputs} inputs from {} seeds, number {number}",
        target.0,
        seeds.len()
    );
    let began = Instant::now();
    run(target, &seeds, number, Limit::Inputs(inputs));
    println!(
        "{}: passed in {:.1} s",
        target.0,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

fn read(arguments: &[String]) -> Option<(&str, u64, u64)> {
    let (name, inputs, number) = match arguments {
        [name, inputs] => (name, inputs, None),
        [name, inputs, number] => (name, inputs, Some(number)),
        _ => return None,
    };
    let is_known =
        ["all", ACCEPTED].contains(&name.as_str()) || ALL.iter().any(|(known, _)| known == name);
    let by_time = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs())
    };
    let number = match number {
        Some(number) => number.parse().ok()?,
        None => by_time(),
    };
    is_known.then_some((name.as_str(), inputs.parse().ok()?, number))
}
