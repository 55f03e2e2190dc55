//! `cargo xtask ci`: the one list of everything that must hold, the same on a laptop and on a build machine.
//!
//! Every step runs, so that one run tells all. What the machine lacks is named in the last lines; with `REQUIRE_ALL=1`
//! it is a failure.

use std::{
    env,
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use crate::coverage;

/// A step: its name, its command line, the program it needs that not every machine has, and what it is run with.
struct Step {
    name: &'static str,
    command: &'static str,
    needs: Option<&'static str>,
    environment: &'static [(&'static str, &'static str)],
}

const fn step(name: &'static str, command: &'static str) -> Step {
    Step {
        name,
        command,
        needs: None,
        environment: &[],
    }
}

impl Step {
    const fn needs(self, program: &'static str) -> Self {
        Self {
            needs: Some(program),
            ..self
        }
    }

    const fn with(self, environment: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            environment,
            ..self
        }
    }
}

#[rustfmt::skip]
const STEPS: &[Step] = &[
    step("format",       "cargo fmt --all --check"),
    step("lints",        "cargo clippy --workspace --all-targets --all-features --locked -- -D warnings"),
    step("docs",         "cargo doc --workspace --no-deps --all-features --locked").with(&[("RUSTDOCFLAGS", "-D warnings")]),
    step("binary",       "cargo build --package billing-portal-server --bin billing-portal --locked"),
    step("tests",        "cargo nextest run --workspace --all-features --locked --no-fail-fast").needs("cargo-nextest"),
    step("doc tests",    "cargo test --doc --package billing-portal-client --all-features --locked"),
    step("features",     "cargo test --manifest-path client/tests/all_features/Cargo.toml --locked"),
    step("package",      "cargo package --package billing-portal-client --locked --allow-dirty"),
    step("browser",      "cargo nextest run --package conformance --locked --run-ignored only -E test(browser)").needs("chromedriver"),
    step("check",        "cargo xtask check"),
    step("self-test",    "cargo xtask self-test"),
    step("coverage",     "cargo xtask coverage"),
    step("TypeScript",   "cargo xtask typescript").needs("npm"),
    step("schemathesis", "cargo xtask schemathesis").needs("python3"),
    step("demo",         "cargo xtask demo --once"),
];

/// How a step ended.
enum Verdict {
    Passed(Duration),
    Failed,
    Skipped(&'static str),
}

/// Runs every step.
pub(crate) fn run(root: &Path) -> ExitCode {
    let require_all = env::var_os("REQUIRE_ALL").is_some_and(|value| value == "1");
    coverage::forget();
    let verdicts: Vec<_> = STEPS
        .iter()
        .map(|step| (step.name, run_step(step, root)))
        .collect();
    println!();
    let mut ok = true;
    for (name, verdict) in &verdicts {
        match verdict {
            Verdict::Passed(took) => println!("passed   {name} ({:.1} s)", took.as_secs_f64()),
            Verdict::Failed => println!("FAILED   {name}"),
            Verdict::Skipped(lacking) => println!("skipped  {name}: this machine has no {lacking}"),
        }
        ok &= match verdict {
            Verdict::Passed(_) => true,
            Verdict::Failed => false,
            Verdict::Skipped(_) => !require_all,
        };
    }
    if ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run_step(step: &Step, root: &Path) -> Verdict {
    println!("\n== {}: {}", step.name, step.command);
    if let Some(program) = step.needs.filter(|program| !is_installed(program)) {
        return Verdict::Skipped(program);
    }
    let began = Instant::now();
    let mut words = step.command.split(' ');
    let program = words.next().unwrap_or_default();
    let environment = step.environment.iter().copied();
    let status = Command::new(program)
        .args(words)
        .envs(environment)
        .current_dir(root)
        .status();
    match status {
        Ok(status) if status.success() => Verdict::Passed(began.elapsed()),
        _ => Verdict::Failed,
    }
}

fn is_installed(program: &str) -> bool {
    let asked = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}
