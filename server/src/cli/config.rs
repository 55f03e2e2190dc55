//! `config`: checks and shows the configuration.

use clap::Subcommand;
use serde_json::json;

use super::{
    context::{CliError, Context},
    report::{Report, to_json},
};
use crate::config::{Config, Problems};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check everything that `serve` needs
    Check,
    /// Print the effective settings, with secrets hidden
    Show,
    /// Print the JSON Schema of the configuration file
    Schema,
}

pub(super) fn execute(command: &Command, context: &Context<'_>) -> Result<Report, CliError> {
    match command {
        Command::Check => {
            let (config, problems) = context.readable_config();
            Ok(check(&problems, config.as_ref().map(Config::warnings)))
        }
        Command::Show => show(&context.config()?),
        Command::Schema => {
            let schema = Config::schema();
            Ok(Report::new(&schema, format!("{schema:#}")))
        }
    }
}

/// The problems and, if there are any, the warnings.
fn check(Problems(problems): &Problems, warnings: Option<&Problems>) -> Report {
    let warnings = warnings.map_or(&[][..], |Problems(warnings)| warnings);
    let ok = problems.is_empty();
    let valid = ok.then(|| "configuration is valid".to_owned());
    let problem_lines = problems.iter().map(ToString::to_string);
    let warning_lines = warnings.iter().map(|one| format!("warning: {one}"));
    let lines: Vec<String> = valid
        .into_iter()
        .chain(problem_lines)
        .chain(warning_lines)
        .collect();
    let mut answer = json!({ "ok": ok, "problems": problems });
    if !warnings.is_empty() {
        answer["warnings"] = to_json(warnings);
    }
    Report {
        failed: !ok,
        ..Report::new(answer, lines.join("\n"))
    }
}

fn show(config: &Config) -> Result<Report, CliError> {
    let settings = config.shown_settings();
    let text = toml::to_string(&settings);
    let text = text.map_err(|error| CliError::Other(error.to_string()))?;
    let mut settings = to_json(settings);
    if let Some(settings) = settings.as_object_mut() {
        // Settings that are not set are absent.
        settings.retain(|_, value| !value.is_null());
    }
    Ok(Report::new(settings, text.trim_end().to_owned()))
}
