//! Reads the environment variables: those of settings, and those that only have the same prefix.
//!
//! Others set variables with the prefix too. For a Service that is called `billing-portal`, Kubernetes sets
//! `BILLING_PORTAL_PORT` and more in every container of the namespace.

use serde_json::Value as Json;
use toml::{Table, Value};

use super::Problems;
use crate::nearest::nearest;

/// How the variables of this program begin.
pub const VARIABLE_PREFIX: &str = "BILLING_PORTAL_";

/// Variables with the same prefix that the SDK reads.
const SDK_VARIABLES: [&str; 2] = ["BILLING_PORTAL_API_KEY", "BILLING_PORTAL_BASE_URL"];

/// Puts the settings that have a variable into the table. Returns what is wrong and what is ignored.
pub(super) fn read_variables(
    variables: impl IntoIterator<Item = (String, String)>,
    schema: &Json,
    table: &mut Table,
) -> (Problems, Problems) {
    let (mut problems, mut warnings) = (Problems::default(), Problems::default());
    for (variable, text) in variables {
        // An empty variable is an unset one: deployment tools cannot always leave one out.
        if SDK_VARIABLES.contains(&variable.as_str()) || text.trim().is_empty() {
            continue;
        }
        let Some(name) = variable.strip_prefix(VARIABLE_PREFIX) else {
            continue;
        };
        let setting = name.to_lowercase();
        let property = schema["properties"].get(&setting);
        if let Some(property) = property.filter(|_| name == name.to_uppercase()) {
            table.insert(setting, read_variable(&text, property));
        } else if is_service_link(name) {
            // Not ours, and nobody can change that another Service has such a name.
        } else if let Some(meant) = nearest_setting(name, schema) {
            let meant = meant.to_uppercase();
            let problem = format!("unknown variable; did you mean {VARIABLE_PREFIX}{meant}?");
            problems.add(&variable, problem);
        } else {
            warnings.add(&variable, "unknown variable; it is ignored");
        }
    }
    (problems, warnings)
}

/// The setting that a person probably meant by a mistyped name.
pub(super) fn nearest_setting<'a>(name: &str, schema: &'a Json) -> Option<&'a str> {
    let settings = schema["properties"].as_object().into_iter().flatten();
    nearest(name, settings.map(|(setting, _)| setting.as_str()))
}

/// Whether this is the name of a variable that Kubernetes or Docker derives from a service's name: `…_SERVICE_HOST`,
/// `…_SERVICE_PORT[_NAME]`, `…_PORT`, `…_PORT_<number>_<protocol>[_…]`.
fn is_service_link(name: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_protocol = |word: &str| ["TCP", "UDP", "SCTP"].contains(&word);
    words.ends_with(&["SERVICE", "HOST"])
        || words.ends_with(&["PORT"])
        || words.windows(2).any(|pair| pair == ["SERVICE", "PORT"])
        || words
            .windows(3)
            .any(|port| port[0] == "PORT" && is_number(port[1]) && is_protocol(port[2]))
}

/// A variable's text as a value of the type in the setting's schema. Text of another type stays text, so that the
/// setting's own check reports it.
fn read_variable(text: &str, property: &Json) -> Value {
    match property["type"].as_str() {
        Some("array") => Value::Array(split_list(text).into_iter().map(Value::from).collect()),
        Some("integer") => text
            .trim()
            .parse::<i64>()
            .map_or_else(|_| text.into(), Value::Integer),
        _ => text.into(),
    }
}

/// Removes white space around the commas. At the two ends it stays: an origin with white space is refused.
fn split_list(text: &str) -> Vec<&str> {
    let mut items: Vec<&str> = text.split(',').collect();
    let last = items.len() - 1;
    for (index, item) in items.iter_mut().enumerate() {
        *item = if index == 0 { item } else { item.trim_start() };
        *item = if index == last { item } else { item.trim_end() };
    }
    items
}
