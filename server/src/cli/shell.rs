//! `completions` and `man`: what a shell completes, and the manual pages, made from the definition of the commands.

use std::{fs, io, path::Path};

use clap::Command;
use clap_complete::Shell;
use serde_json::json;

use super::{context::CliError, report::Report};

/// Prints the script that completes commands and options in this shell.
pub(super) fn completions(mut command: Command, shell: Shell) -> Result<Report, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut script);
    let script = String::from_utf8(script)
        .map_err(|error| CliError::Other(format!("the script is not UTF-8: {error}")))?;
    let json = json!({ "shell": shell.to_string(), "script": script });
    Ok(Report::new(json, script.trim_end().to_owned()))
}

/// Writes a manual page for each command into the directory, which is created if it does not exist.
pub(super) fn man(command: Command, directory: &Path) -> Result<Report, CliError> {
    let failed = |error: io::Error| {
        let directory = directory.display();
        CliError::Other(format!("{directory}: {error}"))
    };
    fs::create_dir_all(directory).map_err(failed)?;
    // Pages about help would only repeat the others.
    let command = command.disable_help_subcommand(true);
    let mut pages = vec![];
    page_names(&command, "", &mut pages);
    clap_mangen::generate_to(command, directory).map_err(failed)?;
    let shown = directory.display().to_string();
    let text = format!(
        "{} manual pages in {shown}; try man {shown}/{NAME}.1",
        pages.len()
    );
    let json = json!({ "directory": shown, "pages": pages });
    Ok(Report::new(json, text))
}

const NAME: &str = "billing-portal";

fn page_names(command: &Command, prefix: &str, into: &mut Vec<String>) {
    let name = format!("{prefix}{}", command.get_name());
    for subcommand in command.get_subcommands() {
        page_names(subcommand, &format!("{name}-"), into);
    }
    into.push(format!("{name}.1"));
}
