//! The workspace, found when the tool runs: a path that is compiled in would be that of another checkout that shares
//! the target directory.

use std::{
    env,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};
use xshell::{Cmd, Shell};

/// What cargo writes into a target directory: the first only if it created the directory.
const TARGET_MARKS: [&str; 2] = ["CACHEDIR.TAG", ".rustc_info.json"];

/// The workspace's root: the nearest directory with a `Cargo.lock`, seen from the package that cargo runs.
pub(crate) fn root() -> Result<PathBuf> {
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => package.into(),
        None => env::current_dir()?,
    };
    let mut above = start.ancestors();
    let root = above.find(|path| path.join("Cargo.lock").exists());
    Ok(root.context("this is outside the workspace")?.to_owned())
}

/// Where cargo built this program.
pub(crate) fn target() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let mut above = program.ancestors();
    let target = above.find(|path| TARGET_MARKS.iter().any(|mark| path.join(mark).exists()));
    target.map_or_else(
        || Ok(root()?.join("target")),
        |target| Ok(Path::to_owned(target)),
    )
}

/// A shell at the workspace's root.
pub(crate) fn shell() -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(root()?);
    Ok(shell)
}

/// Prints a text; the reader may close the pipe early.
#[cfg(feature = "contract")]
pub(crate) fn print(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// How a command ends.
pub(crate) fn exit_code(passed: bool) -> ExitCode {
    ExitCode::from(u8::from(!passed))
}

/// Becomes another program, so that signals and the exit code are that program's; comes back only if it cannot.
pub(crate) fn become_program(command: Cmd<'_>) -> Result<ExitCode> {
    let what = command.to_string();
    Err(Command::from(command).exec()).context(what)
}

/// Starts this package again with what reads the contract, for the same command.
#[cfg(not(feature = "contract"))]
pub(crate) fn restart_with_contract() -> Result<ExitCode> {
    let shell = shell()?;
    let arguments = env::args_os().skip(1);
    let again = xshell::cmd!(
        shell,
        "cargo run --quiet --package xtask --features contract -- {arguments...}"
    );
    become_program(again)
}
