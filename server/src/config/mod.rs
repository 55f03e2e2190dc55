//! The configuration: one documented struct, read at start and again for a reload, from a TOML file and from variables
//! that override it.
//!
//! Every problem is reported together, before a port is opened. Environment variables are read in `main` and handed
//! in; nothing else in the service looks at them. A command asks only for the settings that it uses.

mod changes;
mod credentials;
mod expected;
mod load;
mod log_filter;
mod network;
mod portal_profile;
mod profile_problems;
mod secret;
mod secret_files;
mod serve_config;
mod settings;
mod stripe;
mod text_file;
mod traces;
mod unusual;
mod validate;
mod values;
mod variables;

use std::fmt;

use serde::Serialize;

pub(crate) use credentials::without_url_credentials;
pub(crate) use portal_profile::DEFAULT_PROFILE;
pub use portal_profile::{CustomerUpdate, PortalProfile};
pub use secret::Secret;
pub use serve_config::ServeConfig;
pub(crate) use serve_config::{EventRules, StripeConfig};
pub use settings::{Environment, LogFormat, Settings};
pub(crate) use traces::OTLP_TRACES_PATH;
pub use variables::VARIABLE_PREFIX;

/// The effective settings, as they were read.
#[derive(Debug, Clone)]
pub struct Config {
    settings: Settings,
    /// The secrets whose files could not be read.
    unread: Problems,
    /// What is unusual about the settings and does not keep the service from starting.
    warnings: Problems,
}

impl Config {
    /// Reports a secret whose file could not be read.
    fn require_read(&self, setting: &str) -> Result<(), Problems> {
        let unread = self.unread.0.iter();
        let unread = unread.filter(|problem| problem.setting == setting);
        Problems(unread.cloned().collect()).none_or(())
    }

    /// The settings, for showing.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings as they may be shown: without user names and passwords in URLs.
    pub(crate) fn shown_settings(&self) -> Settings {
        self.settings.without_credentials()
    }

    /// What is unusual about the settings and does not keep the service from starting.
    pub(crate) fn warnings(&self) -> &Problems {
        &self.warnings
    }

    /// The JSON Schema of the configuration file.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Settings).to_value()
    }
}

/// A setting and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The setting, as the TOML file spells it.
    pub setting: String,
    /// What is wrong, in words that hold no secret.
    pub problem: String,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    fn add(&mut self, setting: &str, problem: impl Into<String>) {
        self.0.push(Problem {
            setting: setting.to_owned(),
            problem: problem.into(),
        });
    }

    /// Takes the value out of a result, or its problems in.
    fn collect<T>(&mut self, result: Result<T, Problems>) -> Option<T> {
        result
            .map_err(|Problems(problems)| self.0.extend(problems))
            .ok()
    }

    fn none_or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
