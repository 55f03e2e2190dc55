//! `config`: checks and shows the configuration.

use clap::Subcommand;
use serde_json::json;

use super::{Failure, Report, Session};
use crate::config::{Config, Problems};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check everything that `serve` needs
    Check,
    /// Print the settings in force, with secrets hidden
    Show,
    /// Print the JSON Schema of the configuration file
    Schema,
}

pub(super) fn execute(command: &Command, session: &Session) -> Result<Report, Failure> {
    match command {
        Command::Check => {
            let checked = session.serving_config();
            let problems = checked.err().unwrap_or_default();
            let ok = problems.0.is_empty();
            let text = if ok {
                "the configuration is in order".to_owned()
            } else {
                problems.to_string()
            };
            let Problems(problems) = problems;
            Ok(Report {
                ok,
                ..Report::new(json!({ "ok": ok, "problems": problems }), text)
            })
        }
        Command::Show => {
            let config = session.config()?;
            let text = toml::to_string(config.settings())
                .map_err(|error| Failure::Other(error.to_string()))?;
            let mut settings = serde_json::to_value(config.settings()).unwrap_or_default();
            if let Some(settings) = settings.as_object_mut() {
                // What is unset is absent.
                settings.retain(|_, value| !value.is_null());
            }
            Ok(Report::new(settings, text.trim_end().to_owned()))
        }
        Command::Schema => {
            let schema = Config::schema();
            Ok(Report::new(&schema, format!("{schema:#}")))
        }
    }
}
