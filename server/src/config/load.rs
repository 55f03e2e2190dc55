//! Puts the settings together: defaults, then the file, then the variables, then the files that hold secrets.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{Config, Problems, Secret, Settings};

const PREFIX: &str = "BILLING_PORTAL_";
const DEFAULT_FILE: &str = "billing-portal.toml";
const DEFAULT_DATABASE_URL: &str = "sqlite://billing-portal.db";

/// Variables with our prefix that are not ours but the SDK's.
const OF_THE_SDK: [&str; 2] = ["BILLING_PORTAL_API_KEY", "BILLING_PORTAL_BASE_URL"];

impl Config {
    /// Reads `file` (without one: `billing-portal.toml` where it exists), then the variables, which win.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let (config, problems) = Self::read(file, variables);
        problems.none_or(config)
    }

    /// The same for `serve`: what cannot be read and what cannot be served with are reported together.
    pub fn load_for_serving(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let (config, problems) = Self::read_for_serving(file, variables);
        match config {
            Some(config) => problems.none_or(config),
            None => Err(problems),
        }
    }

    /// The same, as far as it goes: what is wrong has its default. None where the file cannot be read, for then it is
    /// not known what was wanted.
    pub(crate) fn read_for_serving(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> (Option<Self>, Problems) {
        let (config, mut problems) = Self::read(file, variables);
        let named: Vec<String> = problems
            .0
            .iter()
            .map(|problem| problem.setting.clone())
            .collect();
        let file = file.unwrap_or(Path::new(DEFAULT_FILE));
        let unread = named.contains(&file.display().to_string());
        if let Err(Problems(more)) = config.serving() {
            problems.0.extend(
                more.into_iter()
                    .filter(|problem| !named.contains(&problem.setting)),
            );
        }
        ((!unread).then_some(config), problems)
    }

    fn read(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> (Self, Problems) {
        let mut problems = Problems::default();
        let schema = Self::schema();
        let mut table = read_file(file, &mut problems);
        for (variable, text) in variables {
            let Some(name) = variable.strip_prefix(PREFIX) else {
                continue;
            };
            if OF_THE_SDK.contains(&variable.as_str()) {
                continue;
            }
            let setting = name.to_lowercase();
            let property = schema["properties"].get(&setting);
            match property.filter(|_| name == name.to_uppercase()) {
                Some(property) => _ = table.insert(setting, read_variable(&text, property)),
                None => problems.add(&variable, "unknown variable"),
            }
        }
        // Each setting alone first, so that all the wrong ones are named and not only the first.
        table.retain(
            |setting, value| match valid_alone(setting, value, &schema) {
                Ok(()) => true,
                Err(problem) => {
                    problems.add(setting, problem);
                    false
                }
            },
        );
        let mut settings: Settings = table.try_into().unwrap_or_default();
        // Whoever needs a secret is told of its file; who does not is not kept from what they came for.
        let mut unread = Problems::default();
        read_secret_files(&mut settings, &mut unread);
        (Self { settings, unread }, problems)
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

/// A variable's text as the value that the setting's schema asks for; text that does not fit stays text, so that the
/// setting's own check says what is wrong with it.
fn read_variable(text: &str, property: &Json) -> Value {
    match property["type"].as_str() {
        Some("array") => Value::Array(split_list(text).into_iter().map(Value::from).collect()),
        Some("integer") => text
            .trim()
            .parse::<i64>()
            .map_or_else(|_| text.into(), Value::Integer),
        _ => text.trim().into(),
    }
}

/// White space around the commas goes; at the two ends it stays, and is refused like any other stray character.
fn split_list(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut items: Vec<&str> = text.split(',').collect();
    let last = items.len() - 1;
    for (index, item) in items.iter_mut().enumerate() {
        *item = if index == 0 { item } else { item.trim_start() };
        *item = if index == last { item } else { item.trim_end() };
    }
    items
}

fn valid_alone(setting: &str, value: &Value, schema: &Json) -> Result<(), String> {
    if schema["properties"].get(setting).is_none() {
        return Err("unknown setting".to_owned());
    }
    let alone = Table::from_iter([(setting.to_owned(), value.clone())]);
    alone.try_into::<Settings>().map(drop).map_err(|error| {
        // serde quotes the value, which must not be seen where it is a secret.
        let schema = schema["properties"][setting].to_string();
        if schema.contains("writeOnly") {
            "must be a string or, for a list, an array of strings".to_owned()
        } else {
            error.message().to_owned()
        }
    })
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
                "{shown} can be read or written by everybody; run chmod o= {shown}"
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
