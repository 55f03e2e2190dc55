//! Tools that are written in Python.

use std::io;
use std::path::PathBuf;

use tokio::process::Command;

use crate::workspace;

/// The folder with the programs of these packages, each in a pinned version such as `tool==1.2.3`. They are installed in
/// a virtual environment of this name below cargo's target folder; pip does nothing where they are there.
pub async fn install(name: &str, packages: &[&str]) -> io::Result<PathBuf> {
    let environment = workspace::target().join(name);
    let programs = environment.join("bin");
    let python = programs.join("python");
    if !python.exists() {
        let mut make = Command::new("python3");
        succeed(make.args(["-m", "venv"]).arg(&environment)).await?;
    }
    let install = "-m pip install --quiet --disable-pip-version-check";
    let mut pip = Command::new(python);
    succeed(pip.args(install.split(' ')).args(packages)).await?;
    Ok(programs)
}

async fn succeed(command: &mut Command) -> io::Result<()> {
    let status = command.status().await?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{command:?} ended with {status}")))
    }
}
