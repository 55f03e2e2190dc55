//! What of the corpus is not taken by the letter, each with the reason. Nothing else is let pass.

use serde_json::Value;

use super::case::Case;

/// What a field of the log may be instead of what the case says.
pub(super) fn holds(case: &Case, field: &str, expected: &Value, logged: &Value) -> bool {
    let pair = (field, expected.as_str().unwrap_or_default());
    match pair {
        // The corpus' word for any 2xx that cannot be used; the log says what is wrong with it, more narrowly.
        ("reason", "invalid_response") => logged.is_string(),
        // A hundred thousand of anything are over the bound of 64 KiB, and are refused before they are looked at.
        ("reason", _) if ["bad_success-18", "bad_success-26"].contains(&case.id.as_str()) => {
            logged == "response_too_large"
        }
        ("level", level) => *logged == level.to_uppercase(),
        _ => logged == expected,
    }
}

/// Fields of a case's `log` that say something of the log as a whole; they are checked on their own.
pub(super) const NOT_OF_THE_LINE: [&str; 2] = ["must_not_include", "once"];
