//! Reads the settings: defaults, then the file, then the variables, then the files that contain secrets.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use toml::Table;

use super::{
    Config, Problems, Secret, ServeConfig, Settings,
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
        let schema = Self::schema();
        let mut table = read_file(file, &mut problems);
        let (unknown, warnings) = read_variables(variables, &schema, &mut table);
        problems.0.extend(unknown.0);
        trim(&mut table);
        // Each setting alone first, so that all the wrong ones are named and not only the first.
        table.retain(|setting, value| {
            let wrong = problems_of(setting, value, &schema);
            wrong
                .iter()
                .for_each(|problem| problems.add(setting, problem));
            wrong.is_empty()
        });
        let settings = table.try_into::<Settings>();
        let mut settings =
            settings.expect("each setting is valid alone, and none depends on another");
        // An unreadable secret file is an error only for commands that need that secret.
        let mut unread = Problems::default();
        read_secret_files(&mut settings, &mut unread);
        let config = Self {
            settings,
            unread,
            warnings,
        };
        (config, problems)
    }
}

fn read_file(file: Option<&Path>, problems: &mut Problems) -> Table {
    let path = match file {
        Some(path) => path.to_owned(),
        None if Path::new(DEFAULT_FILE).exists() => PathBuf::from(DEFAULT_FILE),
        None => return Table::new(),
    };
    let name = path.display().to_string();
    match fs::read_to_string(&path) {
        Err(error) => problems.add(&name, format!("cannot be read: {error}")),
        Ok(text) => match text.parse::<Table>() {
            Ok(table) => return table,
            // Not the whole error: it would quote the line, which may hold a secret.
            Err(error) => {
                let line = error
                    .span()
                    .map_or(1, |span| text[..span.start].lines().count().max(1));
                problems.add(&name, format!("line {line}: {}", error.message()));
            }
        },
    }
    Table::new()
}

fn read_secret_files(settings: &mut Settings, problems: &mut Problems) {
    let files: BTreeMap<&str, Option<PathBuf>> = BTreeMap::from([
        ("database_url", settings.database_url_file.clone()),
        ("stripe_secret_key", settings.stripe_secret_key_file.clone()),
        (
            "stripe_webhook_secret",
            settings.stripe_webhook_secret_file.clone(),
        ),
    ]);
    for (setting, file) in files {
        let Some(file) = file else { continue };
        let given_twice = match setting {
            "database_url" => settings.database_url.is_some(),
            "stripe_secret_key" => settings.stripe_secret_key.is_some(),
            _ => !settings.stripe_webhook_secret.is_empty(),
        };
        let text = match read_secret_file(&file) {
            _ if given_twice => Err("is given both itself and as a file".to_owned()),
            text => text,
        };
        match (setting, text) {
            (_, Err(problem)) => problems.add(setting, problem),
            ("database_url", Ok(text)) => settings.database_url = Some(Secret::new(text)),
            ("stripe_secret_key", Ok(text)) => settings.stripe_secret_key = Some(Secret::new(text)),
            (_, Ok(text)) => {
                // By commas, or one a line.
                let secrets = text
                    .split(|character: char| character == ',' || character.is_whitespace())
                    .filter(|secret| !secret.is_empty())
                    .map(|secret| Secret::new(secret.to_owned()));
                settings.stripe_webhook_secret = secrets.collect();
            }
        }
    }
    settings
        .database_url
        .get_or_insert_with(|| Secret::new(DEFAULT_DATABASE_URL.to_owned()));
}

fn read_secret_file(file: &Path) -> Result<String, String> {
    let shown = file.display();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata =
            fs::metadata(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        if metadata.permissions().mode() & 0o007 != 0 {
            return Err(format!(
                "{shown} can be read or written by everyone; run chmod o= {shown}"
            ));
        }
    }
    let text =
        fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    match text.trim() {
        "" => Err(format!("{shown} is empty")),
        secret => Ok(secret.to_owned()),
    }
}
