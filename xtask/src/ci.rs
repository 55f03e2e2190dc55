//! `cargo xtask ci`: the one list of everything that must hold, the same on a laptop and on a build machine.
//!
//! Every step runs, so that one run reports everything. What the machine lacks is named in the last lines, with how to
//! get it; with `REQUIRE_ALL=1` a step that cannot run is a failure.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    thread,
    time::Instant,
};

use anyhow::{Context, Result};
use xshell::Shell;

use crate::workspace;

/// A program that not every machine has: what is run, its name for people, and how to get it.
#[derive(Debug)]
struct Tool(&'static str, &'static str, &'static str);

#[rustfmt::skip]
mod tools {
    use super::Tool;

    pub(super) const NEXTEST: Tool = Tool("cargo-nextest", "cargo-nextest", "cargo install --locked cargo-nextest");
    pub(super) const DENY: Tool = Tool("cargo-deny", "cargo-deny", "cargo install --locked cargo-deny");
    pub(super) const CHROMIUM: Tool = Tool("chromedriver", "Chromium", "on Debian: apt-get install chromium chromium-driver");
    pub(super) const NODE: Tool = Tool("npm", "Node 20 or newer", "https://nodejs.org, or on Debian: apt-get install nodejs npm");
    pub(super) const POSTGRESQL: Tool = Tool("initdb", "PostgreSQL", "on Debian: apt-get install postgresql");
    pub(super) const PGBOUNCER: Tool = Tool("pgbouncer", "PgBouncer", "on Debian: apt-get install postgresql pgbouncer");
    pub(super) const PROMTOOL: Tool = Tool("promtool", "Prometheus", "on Debian: apt-get install prometheus");
    pub(super) const BUILDAH: Tool = Tool("buildah", "buildah", "on Debian, as root: apt-get install buildah");
    pub(super) const MMDEBSTRAP: Tool = Tool("mmdebstrap", "mmdebstrap", "on Debian, as root: apt-get install mmdebstrap");
    pub(super) const PYTHON: Tool = Tool("python3", "Python 3", "on Debian: apt-get install python3 python3-venv");
}
use tools::{
    BUILDAH, CHROMIUM, DENY, MMDEBSTRAP, NEXTEST, NODE, PGBOUNCER, POSTGRESQL, PROMTOOL, PYTHON,
};

/// What a step needs beside Rust and a C compiler.
enum Needs {
    Nothing,
    /// Without one of these programs the step is skipped.
    Programs(&'static [Tool]),
    /// Without this program another command does the same with what comes with Rust.
    Prefers(Tool, &'static str),
}
use Needs::{Nothing, Prefers, Programs};

/// A step's name, its command, and what it needs.
struct Step(&'static str, &'static str, Needs);

#[rustfmt::skip]
const STEPS: &[Step] = &[
    Step("format",       "cargo fmt --all --check", Nothing),
    Step("lints",        "cargo clippy --workspace --all-targets --all-features --locked -- -D warnings", Nothing),
    Step("docs",         "env RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --all-features --locked", Nothing),
    Step("dependencies", "cargo xtask dependencies", Programs(&[DENY])),
    Step("binary",       "cargo build --package billing-portal-server --bin billing-portal --locked", Nothing),
    Step("tests",        "cargo nextest run --workspace --all-features --locked --no-fail-fast",
        Prefers(NEXTEST, "cargo test --workspace --all-features --locked --no-fail-fast --lib --bins --tests")),
    // The same tests on PostgreSQL. The soak measures memory, most of which SQLite's cache would be.
    Step("PostgreSQL",   "cargo run --quiet --package billing-portal-tests --all-features --locked --example postgresql -- \
        cargo nextest run --package billing-portal-tests --all-features --locked --no-fail-fast --test service -E not(test(/^soak/))",
        Programs(&[POSTGRESQL, NEXTEST])),
    Step("PG servers",   "cargo nextest run --package billing-portal-tests --all-features --locked --no-fail-fast --test service \
        --run-ignored ignored-only postgresql", Programs(&[PGBOUNCER, NEXTEST])),
    Step("Prometheus",   "cargo test --package billing-portal-tests --all-features --locked --test service -- --ignored prometheus", Programs(&[PROMTOOL])),
    Step("image",        "cargo test --package billing-portal-tests --all-features --locked --test service -- --ignored deploy::image",
        Programs(&[BUILDAH, MMDEBSTRAP])),
    Step("schemas",      "cargo test --package billing-portal-tests --all-features --locked --test service -- --ignored deploy::schemas",
        Programs(&[PYTHON])),
    Step("doc tests",    "cargo test --doc --package billing-portal-client --all-features --locked", Nothing),
    Step("features",     "cargo test --manifest-path client/tests/all_features/Cargo.toml --locked", Nothing),
    Step("package",      "cargo package --package billing-portal-client --locked --allow-dirty", Nothing),
    Step("browser",      "cargo test --package billing-portal-tests --all-features --locked --test service -- --ignored browser", Programs(&[CHROMIUM])),
    Step("check",        "cargo xtask check", Nothing),
    Step("changes",      "cargo xtask changes", Nothing),
    Step("self-test",    "cargo xtask self-test", Nothing),
    Step("coverage",     "cargo xtask coverage", Nothing),
    Step("TypeScript",   "cargo xtask typescript", Programs(&[NODE])),
    Step("TS service",   "cargo test --package billing-portal-tests --all-features --locked --test service -- --ignored typescript", Programs(&[NODE])),
    Step("accessibility", "cargo test --package billing-portal-tests --all-features --locked --test service -- --ignored accessibility", Programs(&[CHROMIUM, NODE])),
    Step("schemathesis", "cargo xtask schemathesis", Programs(&[PYTHON])),
    Step("demo",         "cargo xtask demo --once", Nothing),
];

/// How many tests cargo-nextest runs at a time.
const TEST_THREADS_VARIABLE: &str = "NEXTEST_TEST_THREADS";
/// Many tests wait most of their time for a timeout of the service; with two for each processor, all take two thirds of
/// the time.
const TESTS_PER_PROCESSOR: usize = 2;

/// Runs every step and prints how each ended.
pub(crate) fn run() -> Result<ExitCode> {
    let require_all = env::var_os("REQUIRE_ALL").is_some_and(|value| value == "1");
    let shell = workspace::shell()?;
    if env::var_os(TEST_THREADS_VARIABLE).is_none() {
        let threads = thread::available_parallelism()?.get() * TESTS_PER_PROCESSOR;
        shell.set_var(TEST_THREADS_VARIABLE, threads.to_string());
    }
    // What an earlier run recorded must not stand in for what no test produces any more; there may be no record.
    let _ = fs::remove_file(workspace::target()?.join("tests/coverage.jsonl"));
    let mut lines = Vec::new();
    let mut passed = true;
    for Step(name, command, needs) in STEPS {
        let (line, holds) = run_step(name, command, needs, &shell)?;
        passed &= holds.unwrap_or(!require_all);
        lines.push(line);
    }
    println!("\n{}", lines.join("\n"));
    Ok(workspace::exit_code(passed))
}

/// Runs a step; its line of the summary, and whether it passed, if it ran.
fn run_step(
    name: &str,
    command: &str,
    needs: &Needs,
    shell: &Shell,
) -> Result<(String, Option<bool>)> {
    let (command, note) = match needs {
        Programs(tools) if !tools.iter().all(is_installed) => {
            let absent = tools.iter().filter(|tool| !is_installed(tool));
            let absent: Vec<_> = absent.map(missing).collect();
            let line = format!("skipped  {name}: {}", absent.join(", "));
            println!("\n== {line}");
            return Ok((line, None));
        }
        Prefers(tool, other) if !is_installed(tool) => {
            (*other, format!(" with `cargo test`: {}", missing(tool)))
        }
        _ => (command, String::new()),
    };
    println!("\n== {name}: {command}");
    let began = Instant::now();
    let (program, arguments) = command.split_once(' ').context("a program")?;
    let run = shell.cmd(program).args(arguments.split(' '));
    let passed = Command::from(run).status()?.success();
    let result = if passed { "passed " } else { "FAILED " };
    let took = began.elapsed().as_secs_f64();
    Ok((
        format!("{result}  {name} ({took:.1} s){note}"),
        Some(passed),
    ))
}

fn missing(Tool(_, name, hint): &Tool) -> String {
    format!("{name} is not installed ({hint})")
}

/// Where Debian puts the programs of servers, which are not in every path.
fn server_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let versions = versions.flatten().map(|version| version.path().join("bin"));
    [PathBuf::from("/usr/sbin")]
        .into_iter()
        .chain(versions)
        .collect()
}

fn is_installed(Tool(program, ..): &Tool) -> bool {
    if server_folders()
        .iter()
        .any(|folder| folder.join(program).exists())
    {
        return true;
    }
    let mut version = Command::new(program);
    version.arg("--version").stdout(Stdio::null());
    let status = version.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
