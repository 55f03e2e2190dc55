//! The rules that a return URL can break, with the texts for the caller.

use std::fmt;

/// The way in which a return URL breaks the rules; its text tells the caller what to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnUrlError {
    /// R1: there is nothing there.
    Empty,
    /// R2: longer than `MAX_LENGTH` characters.
    TooLong,
    /// R3: a character that parsers repair, or that a reader cannot see.
    ForbiddenCharacter,
    /// R4: a `%` that escapes nothing.
    MalformedEscape,
    /// R5: not https.
    NotHttps,
    /// R5: neither https nor, as development allows, http.
    NotHttp,
    /// R6: not a URL.
    NotAUrl,
    /// R6: a user name or a password.
    Credentials,
    /// R6: the origin is not on the list.
    NotAllowListed,
    /// R7: the origin is on the list, but the authority is written in another way.
    SpelledDifferently,
}

impl fmt::Display for ReturnUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "must not be empty",
            Self::TooLong => "must be at most 2048 characters",
            Self::ForbiddenCharacter => {
                "must not contain white space, control or invisible characters, or backslashes"
            }
            Self::MalformedEscape => "must have two hexadecimal digits after every %",
            Self::NotHttps => "must begin with https://",
            Self::NotHttp => "must begin with https:// or http://",
            Self::NotAUrl => "must be a valid URL",
            Self::Credentials => "must not contain a user name or password",
            Self::NotAllowListed => {
                "scheme, host and port must match an entry of the return-URL allow-list"
            }
            Self::SpelledDifferently => {
                "host and port must be written exactly as on the return-URL allow-list"
            }
        })
    }
}
