//! The names that operators give to organizations and keys.

use crate::redaction::contains_secret;

/// A name is printed by many commands, so it must not be a secret that was pasted into the wrong place. PostgreSQL cannot
/// keep the character NUL.
pub(super) fn parse_name(text: &str) -> Result<String, &'static str> {
    if contains_secret(text) {
        return Err("a name must not contain a secret");
    }
    if text.contains('\0') {
        return Err("a name must not contain the character NUL");
    }
    Ok(text.to_owned())
}
