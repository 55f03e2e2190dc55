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
        Command::Check => Ok(check(context.serve_config().err())),
        Command::Show => show(&context.config()?),
        Command::Schema => {
            let schema = Config::schema();
            Ok(Report::new(&schema, format!("{schema:#}")))
        }
    }
}

fn check(problems: Option<Problems>) -> Report {
    let ok = problems.is_none();
    let text = match &problems {
        None => "configuration is valid".to_owned(),
        Some(problems) => problems.to_string(),
    };
    let problems = problems.map(|Problems(problems)| problems);
    let problems = problems.unwrap_or_default();
    Report {
        failed: !ok,
        ..Report::new(json!({ "ok": ok, "problems": problems }), text)
    }
}

fn show(config: &Config) -> Result<Report, CliError> {
    let text = toml::to_string(config.settings());
    let text = text.map_err(|error| CliError::Other(error.to_string()))?;
    let mut settings = to_json(config.settings());
    if let Some(settings) = settings.as_object_mut() {
        // Settings that are not set are absent.
        settings.retain(|_, value| !value.is_null());
    }
    Ok(Report::new(settings, text.trim_end().to_owned()))
}
