//! The forms of scopes and durations on the command line.

use chrono::TimeDelta;

/// The longest scope, in bytes. Scopes of APIs are far shorter; the bound keeps a list of keys readable.
const MAX_SCOPE_BYTES: usize = 64;

/// `word:word` of `a-z 0-9 _ -`, at most [`MAX_SCOPE_BYTES`].
pub(super) fn parse_scope(text: &str) -> Result<String, &'static str> {
    let is_word_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_word_byte);
    match text.split_once(':') {
        Some((left, right)) if is_word(left) && is_word(right) && text.len() <= MAX_SCOPE_BYTES => {
            Ok(text.to_owned())
        }
        _ => Err("a scope is word:word of a-z 0-9 _ -, such as billing:write"),
    }
}

/// How long a key is valid: a duration that is not zero, because the key would have expired when it is created.
pub(super) fn parse_lifetime(text: &str) -> Result<TimeDelta, &'static str> {
    let duration = parse_duration(text)?;
    if duration > TimeDelta::zero() {
        Ok(duration)
    } else {
        Err("the key would have expired already; give a duration of at least 1s, such as 90d")
    }
}

/// A number and `s`, `m`, `h` or `d`.
pub(super) fn parse_duration(text: &str) -> Result<TimeDelta, &'static str> {
    const MISUSE: &str = "a duration is a number and s, m, h or d, such as 90d";
    let unit = text.chars().last().ok_or(MISUSE)?;
    let number: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .map_err(|_| MISUSE)?;
    let duration = match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        _ => None,
    };
    duration
        .filter(|_| number > 0 || text.starts_with('0'))
        .ok_or(MISUSE)
}
