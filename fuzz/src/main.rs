//! `mutate TARGET INPUTS [NUMBER]`: runs so many inputs; without NUMBER the time chooses which. `mutate all INPUTS` runs
//! every target. Prints the number, with which the same inputs run again.

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use billing_portal_fuzz::{ALL, Limit, run, seeds};

const USAGE: &str = "usage: mutate TARGET|all INPUTS [NUMBER]";

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
    let targets = ALL
        .into_iter()
        .filter(|(known, _)| name == "all" || name == *known);
    for target in targets {
        if let Err(error) = run_one(target, &folder, inputs, number) {
            eprintln!("{}: {error}", target.0);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run_one(
    target: billing_portal_fuzz::Target,
    folder: &Path,
    inputs: u64,
    number: u64,
) -> std::io::Result<()> {
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
    let is_known = name == "all" || ALL.iter().any(|(known, _)| known == name);
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
