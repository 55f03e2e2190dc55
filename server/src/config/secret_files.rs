//! Secrets that stand in files of their own, and those that stand in the configuration file.

use std::path::Path;

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{Problems, text_file::TextFile};

/// Puts the secrets that have a file into the table. Returns the secrets that cannot be used, and what is unusual.
pub(super) fn read_secret_files(table: &mut Table, schema: &Json) -> (Problems, Problems) {
    let (mut unread, mut warnings) = (Problems::default(), Problems::default());
    for (setting, property) in secret_settings(schema) {
        let file_setting = format!("{setting}_file");
        let Some(path) = table.get(&file_setting).and_then(Value::as_str) else {
            continue;
        };
        let file = TextFile::read(Path::new(path));
        if table.get(setting).is_some_and(|value| !is_empty(value)) {
            let problem = format!("is given twice; remove {setting} or {file_setting}");
            unread.add(setting, problem);
            continue;
        }
        match file.and_then(|file| Ok((secret(&file, property)?, file))) {
            Ok((secret, file)) => {
                table.insert(setting.to_owned(), secret);
                if let Some(warning) = file.readable_by_others() {
                    warnings.add(&file_setting, warning);
                }
            }
            Err(problem) => unread.add(setting, problem),
        }
    }
    (unread, warnings)
}

/// The secret of a file. For a list of secrets they are separated by commas, or one a line.
fn secret(file: &TextFile, property: &Json) -> Result<Value, String> {
    if let Some(problem) = file.writable_by_others() {
        return Err(problem);
    }
    let text = file.text.trim();
    if text.is_empty() {
        return Err(format!("{} is empty", file.name));
    }
    if property["type"] != "array" {
        return Ok(text.into());
    }
    let is_separator = |character: char| character == ',' || character.is_whitespace();
    let secrets = text.split(is_separator).filter(|secret| !secret.is_empty());
    Ok(Value::Array(secrets.map(Value::from).collect()))
}

/// Whether the configuration file itself holds a secret.
pub(super) fn holds_secret(table: &Table, schema: &Json) -> bool {
    let mut secrets = secret_settings(schema).filter_map(|(setting, _)| table.get(setting));
    // The URL of a SQLite file has no place for a password.
    let is_sqlite = |value: &Value| {
        value
            .as_str()
            .is_some_and(|url| url.trim().starts_with("sqlite:"))
    };
    secrets.any(|value| !is_empty(value) && !is_sqlite(value))
}

/// The settings that are secrets, or lists of them.
fn secret_settings(schema: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let settings = schema["properties"].as_object().into_iter().flatten();
    settings
        .filter(|(_, property)| property.to_string().contains("writeOnly"))
        .map(|(setting, property)| (setting.as_str(), property))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
