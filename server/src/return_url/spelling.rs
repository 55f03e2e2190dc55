//! The checks of the text itself, before it is parsed as a URL.

use super::error::ReturnUrlError;

/// R3 and R4, over the whole text.
pub(super) fn require_plain_spelling(text: &str) -> Result<(), ReturnUrlError> {
    if text.chars().any(is_forbidden) {
        return Err(ReturnUrlError::ForbiddenCharacter);
    }
    let mut after_percent = text.split('%').skip(1);
    let is_escape =
        |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !after_percent.all(is_escape) {
        return Err(ReturnUrlError::MalformedEscape);
    }
    Ok(())
}

fn is_forbidden(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || character == '\\'
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// R5, and the text between `://` and the path, query, fragment or end.
pub(super) fn written_authority(text: &str, http: bool) -> Result<&str, ReturnUrlError> {
    let strip = |prefix: &str| {
        let start = text.get(..prefix.len())?;
        start
            .eq_ignore_ascii_case(prefix)
            .then(|| &text[prefix.len()..])
    };
    let rest = strip("https://").or_else(|| strip("http://").filter(|_| http));
    let refusal = if http {
        ReturnUrlError::NotHttp
    } else {
        ReturnUrlError::NotHttps
    };
    let rest = rest.ok_or(refusal)?;
    Ok(rest.split(['/', '?', '#']).next().unwrap_or_default())
}
