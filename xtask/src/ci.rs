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

/// A step: its name, its command line, the program it needs that not every machine has, and what it is run with.
struct Step {
    name: &'static str,
    command: &'static [&'static str],
    needs: Option<&'static str>,
    environment: &'static [(&'static str, &'static str)],
}

const fn step(name: &'static str, command: &'static [&'static str]) -> Step {
    Step {
        name,
        command,
        needs: None,
        environment: &[],
    }
}

const STEPS: &[Step] = &[
    step("format", &["cargo", "fmt", "--all", "--check"]),
    step(
        "lints",
        &[
            "cargo",
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    ),
    Step {
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
        ..step(
            "docs",
            &[
                "cargo",
                "doc",
                "--workspace",
                "--no-deps",
                "--all-features",
                "--locked",
            ],
        )
    },
    Step {
        needs: Some("cargo-nextest"),
        ..step(
            "tests",
            &[
                "cargo",
                "nextest",
                "run",
                "--workspace",
                "--all-features",
                "--locked",
            ],
        )
    },
    step(
        "doc tests",
        &[
            "cargo",
            "test",
            "--doc",
            "--package",
            "billing-portal-client",
            "--all-features",
            "--locked",
        ],
    ),
    Step {
        needs: Some("chromedriver"),
        ..step(
            "browser",
            &[
                "cargo",
                "nextest",
                "run",
                "--package",
                "conformance",
                "--locked",
                "--run-ignored",
                "only",
                "-E",
                "test(browser)",
            ],
        )
    },
    Step {
        needs: Some("node"),
        ..step("TypeScript", &["cargo", "xtask", "typescript"])
    },
    step("check", &["cargo", "xtask", "check"]),
    step("self-test", &["cargo", "xtask", "self-test"]),
    step("coverage", &["cargo", "xtask", "coverage"]),
    step("demo", &["cargo", "xtask", "demo", "--once"]),
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
    println!("\n== {}: {}", step.name, step.command.join(" "));
    if let Some(program) = step.needs.filter(|program| !is_installed(program)) {
        return Verdict::Skipped(program);
    }
    let began = Instant::now();
    let [program, arguments @ ..] = step.command else {
        return Verdict::Failed;
    };
    let environment = step.environment.iter().copied();
    let status = Command::new(program)
        .args(arguments)
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
