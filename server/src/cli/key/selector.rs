//! Which key a command is about: its id, or the key itself from standard input.
//!
//! A person who handles a leaked key has the key, not its id. The key is not taken from the command line, which other
//! processes of the machine can read.

use std::collections::HashMap;

use super::super::context::{CliError, Context};
use crate::{
    api_key::{ApiKey, ApiKeyHash},
    ids::Mode,
    store::Store,
};

/// The longest text in which a key is searched: a page of a log or of a chat has less.
const MAX_STDIN_BYTES: u64 = 64 * 1024;
/// The longest id of a key that an error quotes; a generated one has 30 characters.
const MAX_ID_BYTES: usize = 64;

const NOT_AN_ID: &str = "a key's id is key_ and letters and digits, as key list shows it; \
                         to give the key itself, use - for the id and write the key to standard input";
const NO_KEY: &str =
    "standard input holds no complete API key (am_live_… or am_test_…, 44 characters)";
const SEVERAL_KEYS: &str = "standard input holds more than one API key";
const UNKNOWN_KEY: &str = "the key on standard input is not a key of this database";

/// The key that a command is about.
pub(super) struct SelectedKey {
    /// Its id.
    pub id: String,
    /// Its mode, if the key itself was given.
    pub mode: Option<Mode>,
}

/// The key that the argument means. What is not an id is not quoted: it may be a secret.
pub(super) async fn find(
    argument: &str,
    context: &Context<'_>,
    store: &Store,
) -> Result<SelectedKey, CliError> {
    if argument == "-" {
        let key = read_key(context)?;
        let found = store.find_caller(&key.hash()).await?;
        let caller = found.ok_or_else(|| CliError::Other(UNKNOWN_KEY.to_owned()))?;
        return Ok(SelectedKey {
            id: caller.key_id,
            mode: Some(key.mode()),
        });
    }
    if is_id(argument) {
        Ok(SelectedKey {
            id: argument.to_owned(),
            mode: None,
        })
    } else {
        Err(CliError::Other(NOT_AN_ID.to_owned()))
    }
}

fn is_id(text: &str) -> bool {
    let rest = text.strip_prefix("key_").unwrap_or_default();
    (1..=MAX_ID_BYTES).contains(&rest.len())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The one key on standard input, which may stand inside of other text, such as a line of a log.
fn read_key(context: &Context<'_>) -> Result<ApiKey, CliError> {
    let text = context.read_stdin(MAX_STDIN_BYTES);
    let text = text.map_err(|error| CliError::Other(format!("standard input: {error}")))?;
    let text = String::from_utf8_lossy(&text);
    let is_separator = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    let keys = text
        .split(is_separator)
        .filter_map(|word| word.parse().ok());
    let keys: HashMap<ApiKeyHash, ApiKey> = keys.map(|key: ApiKey| (key.hash(), key)).collect();
    let mut keys = keys.into_values();
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(CliError::Other(NO_KEY.to_owned())),
        (Some(_), Some(_)) => Err(CliError::Other(SEVERAL_KEYS.to_owned())),
    }
}
