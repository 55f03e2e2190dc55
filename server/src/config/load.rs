//! Reads the settings: defaults, then the file, then the variables, then the files that contain secrets.

use std::path::Path;

use serde_json::Value as Json;
use toml::Table;

use super::{
    Config, Problem, Problems, Secret, ServeConfig, Settings,
    secret_files::{holds_secret, read_secret_files},
    text_file::TextFile,
    unusual::unusual_settings,
    values::{problems_of, trim},
    variables::read_variables,
};

const DEFAULT_FILE: &str = "billing-portal.toml";
const DEFAULT_DATABASE_URL: &str = "sqlite://billing-portal.db";

impl Config {
    /// Reads `file` (without one: `billing-portal.toml` where it exists), then the variables, which win.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let (config, problems) = Self::read(file, variables);
        problems.none_or(config)
    }

    /// Everything that `serve` needs. What cannot be read and what is not valid are reported together.
    pub fn load_for_serving(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<ServeConfig, Problems> {
        Self::read_and_validate(file, variables).1
    }

    /// The settings as far as they can be read, where one that is not valid has its default; and all problems. `None` if
    /// the file cannot be read, because then it is not known what the operator wanted.
    pub(crate) fn read_for_serving(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> (Option<Self>, Problems) {
        let (config, validated) = Self::read_and_validate(file, variables);
        (config, validated.err().unwrap_or_default())
    }

    fn read_and_validate(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> (Option<Self>, Result<ServeConfig, Problems>) {
        let (config, mut problems) = Self::read(file, variables);
        let named = |problems: &Problems, setting: &str| {
            problems.0.iter().any(|problem| problem.setting == setting)
        };
        let file = file.unwrap_or(Path::new(DEFAULT_FILE));
        let unread = named(&problems, &file.display().to_string());
        let validated = match config.serve() {
            // What else is missing may be in the file.
            _ if unread => Err(problems),
            Ok(serve) => problems.none_or(serve),
            Err(Problems(mut more)) => {
                more.retain(|problem| !named(&problems, &problem.setting));
                problems.0.extend(more);
                Err(problems)
            }
        };
        ((!unread).then_some(config), validated)
    }

    fn read(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> (Self, Problems) {
        let mut problems = Problems::default();
        let mut warnings = Problems::default();
        let schema = Self::schema();
        let mut table = read_file(file, &schema, &mut warnings).unwrap_or_else(|problem| {
            problems.0.push(problem);
            Table::new()
        });
        let (unknown, ignored) = read_variables(variables, &schema, &mut table);
        problems.0.extend(unknown.0);
        warnings.0.extend(ignored.0);
        trim(&mut table);
        // Each setting alone first, so that all the wrong ones are named and not only the first.
        table.retain(|setting, value| {
            let wrong = problems_of(setting, value, &schema);
            for problem in &wrong {
                problems.add(setting, problem);
            }
            wrong.is_empty()
        });
        // A secret whose file cannot be used is an error only for commands that need that secret.
        let (unread, unusual) = read_secret_files(&mut table, &schema);
        warnings.0.extend(unusual.0);
        let settings = table.try_into::<Settings>();
        let mut settings =
            settings.expect("each setting is valid alone, and none depends on another");
        let default_url = || Secret::new(DEFAULT_DATABASE_URL.to_owned());
        settings.database_url.get_or_insert_with(default_url);
        warnings.0.extend(unusual_settings(&settings).0);
        let config = Self {
            settings,
            unread,
            warnings,
        };
        (config, problems)
    }
}

/// The table of the file. What is unusual about the file is added to the warnings.
fn read_file(
    file: Option<&Path>,
    schema: &Json,
    warnings: &mut Problems,
) -> Result<Table, Problem> {
    let path = match file {
        Some(path) => path,
        None if Path::new(DEFAULT_FILE).exists() => Path::new(DEFAULT_FILE),
        None => return Ok(Table::new()),
    };
    let wrong = |problem| Problem {
        setting: path.display().to_string(),
        problem,
    };
    let file = TextFile::read(path).map_err(wrong)?;
    let table = parse_toml(&file.text).map_err(wrong)?;
    if holds_secret(&table, schema) {
        if let Some(problem) = file.writable_by_others() {
            return Err(wrong(problem));
        }
        let warning = file.readable_by_others().map(wrong);
        warnings.0.extend(warning);
    }
    Ok(table)
}

/// The error has the line's number and not its text, which may hold a secret.
fn parse_toml(text: &str) -> Result<Table, String> {
    text.parse::<Table>().map_err(|error| {
        let lines = error.span().map(|span| text[..span.start].lines().count());
        let line = lines.unwrap_or(1).max(1);
        format!("line {line}: {}", error.message())
    })
}
