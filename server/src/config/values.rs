//! The values of the settings before they have their types: trimmed, and each checked alone.

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{
    Settings,
    expected::{must_be, must_be_not},
    profile_problems,
    variables::nearest_setting,
};

/// Its entries stay as they are written: white space at the ends of an origin is refused.
const NOT_TRIMMED: &str = "return_url_allow_list";

/// Removes white space at both ends of texts and of the items of lists.
pub(super) fn trim(table: &mut Table) {
    let trimmed = |(setting, _): &(&String, &mut Value)| *setting != NOT_TRIMMED;
    for (_, value) in table.iter_mut().filter(trimmed) {
        match value {
            Value::String(text) => trim_text(text),
            Value::Array(items) => items.iter_mut().for_each(trim_item),
            Value::Table(table) => trim(table),
            _ => {}
        }
    }
}

fn trim_item(item: &mut Value) {
    if let Value::String(text) = item {
        trim_text(text);
    }
}

fn trim_text(text: &mut String) {
    if text.trim().len() < text.len() {
        *text = text.trim().to_owned();
    }
}

/// What is wrong with a setting, each item of a list for itself.
pub(super) fn problems_of(setting: &str, value: &Value, schema: &Json) -> Vec<String> {
    let Some(property) = schema["properties"].get(setting) else {
        let meant = nearest_setting(setting, schema);
        let hint = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
        return vec![format!("unknown setting{hint}")];
    };
    if setting == profile_problems::SETTING {
        return profile_problems::problems_of_tables(value);
    }
    // Of a list of secrets, the items are the secrets.
    let is_secret = property.to_string().contains("writeOnly");
    if property["type"] != "array" {
        let is_valid = is_valid_alone(setting, value);
        let problem = || problem_of_text(setting, value, property, is_secret);
        return (!is_valid).then(problem).into_iter().collect();
    }
    let Value::Array(items) = value else {
        let each = must_be(setting, "");
        return vec![format!(
            "must be a list in brackets, of which each item {each}"
        )];
    };
    let wrong = items
        .iter()
        .filter(|item| !is_valid_alone(setting, &Value::Array(vec![(*item).clone()])));
    wrong
        .map(|item| problem_of_text(setting, item, property, is_secret))
        .collect()
}

fn is_valid_alone(setting: &str, value: &Value) -> bool {
    let alone = Table::from_iter([(setting.to_owned(), value.clone())]);
    alone.try_into::<Settings>().is_ok()
}

fn problem_of_text(setting: &str, value: &Value, property: &Json, is_secret: bool) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned);
    if is_secret {
        return must_be(setting, "");
    }
    let problem = must_be_not(setting, &text);
    let is_quoted_number =
        property["type"] == "integer" && value.is_str() && text.parse::<i64>().is_ok();
    if is_quoted_number {
        format!("{problem}; write it without quotes")
    } else {
        problem
    }
}
