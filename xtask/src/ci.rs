//! `cargo xtask ci`: the one list of everything that must hold, the same on a laptop and on a build machine.
//!
//! Every step runs, so that one run reports everything. What the machine lacks is named in the last lines, with how to
//! get it; with `REQUIRE_ALL=1` a step that cannot run is a failure.

use std::{
    env, fs,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::Result;
use xshell::Shell;

use crate::workspace;

/// A program that not every machine has.
struct Tool {
    program: &'static str,
    /// Its name for people.
    name: &'static str,
    /// How to get it.
    hint: &'static str,
}

const NEXTEST: Tool = Tool {
    program: "cargo-nextest",
    name: "cargo-nextest",
    hint: "cargo install --locked cargo-nextest",
};
const DENY: Tool = Tool {
    program: "cargo-deny",
    name: "cargo-deny",
    hint: "cargo install --locked cargo-deny",
};
const CHROMIUM: Tool = Tool {
    program: "chromedriver",
    name: "Chromium",
    hint: "on Debian: apt-get install chromium chromium-driver",
};
const NODE: Tool = Tool {
    program: "npm",
    name: "Node 20 or newer",
    hint: "https://nodejs.org, or on Debian: apt-get install nodejs npm",
};
const PYTHON: Tool = Tool {
    program: "python3",
    name: "Python 3",
    hint: "on Debian: apt-get install python3 python3-venv",
};

/// What a step does where its tool is missing.
enum Without {
    /// Nothing.
    Skip,
    /// The same with what comes with Rust.
    Run(&'static str),
}

/// A step of the list.
struct Step {
    name: &'static str,
    command: &'static str,
    /// The tool it needs, and what happens without.
    needs: Option<(Tool, Without)>,
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
    const fn needs(self, tool: Tool) -> Self {
        self.needs_or(tool, Without::Skip)
    }

    const fn needs_or(self, tool: Tool, without: Without) -> Self {
        let needs = Some((tool, without));
        Self { needs, ..self }
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
    step("dependencies", "cargo xtask dependencies").needs(DENY),
    step("binary",       "cargo build --package billing-portal-server --bin billing-portal --locked"),
    step("tests",        "cargo nextest run --workspace --all-features --locked --no-fail-fast")
        .needs_or(NEXTEST, Without::Run("cargo test --workspace --all-features --locked --no-fail-fast --lib --bins --tests")),
    step("doc tests",    "cargo test --doc --package billing-portal-client --all-features --locked"),
    step("features",     "cargo test --manifest-path client/tests/all_features/Cargo.toml --locked"),
    step("package",      "cargo package --package billing-portal-client --locked --allow-dirty"),
    step("browser",      "cargo test --package billing-portal-tests --locked --test service -- --ignored browser").needs(CHROMIUM),
    step("check",        "cargo xtask check"),
    step("changes",      "cargo xtask changes"),
    step("self-test",    "cargo xtask self-test"),
    step("coverage",     "cargo xtask coverage"),
    step("TypeScript",   "cargo xtask typescript").needs(NODE),
    step("TS service",   "cargo test --package billing-portal-tests --locked --test service -- --ignored typescript").needs(NODE),
    step("schemathesis", "cargo xtask schemathesis").needs(PYTHON),
    step("demo",         "cargo xtask demo --once"),
];

/// How a step ended.
enum Outcome {
    Passed(Duration),
    Failed,
    Skipped(&'static Tool),
}

/// Runs every step and prints how each ended.
pub(crate) fn run() -> Result<ExitCode> {
    let require_all = env::var_os("REQUIRE_ALL").is_some_and(|value| value == "1");
    let shell = workspace::shell()?;
    // What an earlier run recorded must not stand in for what no test produces any more; there may be no record.
    let _ = fs::remove_file(workspace::target()?.join("tests/coverage.jsonl"));
    let mut outcomes = Vec::new();
    for step in STEPS {
        outcomes.push((step.name, run_step(step, &shell)?));
    }
    println!();
    for (name, outcome) in &outcomes {
        match outcome {
            Outcome::Passed(took) => println!("passed   {name} ({:.1} s)", took.as_secs_f64()),
            Outcome::Failed => println!("FAILED   {name}"),
            Outcome::Skipped(tool) => println!(
                "skipped  {name}: {} is not installed ({})",
                tool.name, tool.hint
            ),
        }
    }
    let failed = |(_, outcome): &(_, Outcome)| match outcome {
        Outcome::Passed(_) => false,
        Outcome::Failed => true,
        Outcome::Skipped(_) => require_all,
    };
    Ok(if outcomes.iter().any(failed) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn run_step(step: &'static Step, shell: &Shell) -> Result<Outcome> {
    let missing = step.needs.as_ref().filter(|(tool, _)| !is_installed(tool));
    let command = match missing {
        None => step.command,
        Some((_, Without::Run(other))) => other,
        Some((tool, Without::Skip)) => {
            println!("\n== {}: {} is not installed", step.name, tool.name);
            return Ok(Outcome::Skipped(tool));
        }
    };
    println!("\n== {}: {command}", step.name);
    let began = Instant::now();
    let mut words = command.split(' ');
    let program = words.next().unwrap_or(command);
    let environment = step.environment.iter().copied();
    let run = shell.cmd(program).args(words).envs(environment);
    let status = Command::from(run).status()?;
    Ok(if status.success() {
        Outcome::Passed(began.elapsed())
    } else {
        Outcome::Failed
    })
}

fn is_installed(tool: &Tool) -> bool {
    let version = Command::new(tool.program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}
