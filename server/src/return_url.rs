//! Decides which return URLs are acceptable.
//!
//! Invariant: nothing here touches the network, the clock or the database, so a decision depends only on its
//! arguments. Paths, queries and fragments are deliberately not compared: callers deep-link into their own pages.
//!
//! URL parsers disagree about strange spellings, and a browser is not the parser that decided here. So the text is
//! held to plain spelling before it is parsed, the authority is compared as it was written as well as parsed, and
//! what goes on to Stripe is the parser's own serialisation, never the caller's text. In doubt: refuse.

mod allowed_origin;

use std::fmt;

use url::Url;

pub use allowed_origin::AllowedOrigin;

/// The longest return URL, in characters as received and in bytes as sent to Stripe. Stripe documents no limit;
/// this is a common floor of browsers and proxies.
pub const MAX_LENGTH: usize = 2048;

/// A URL the portal may send a browser back to. Only [`AllowList::admit`] makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct ReturnUrl(Url);

impl ReturnUrl {
    /// The canonical form: what is sent to Stripe.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Scheme, host and port, for the log: path and query are the caller's business.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

/// The way in which a return URL breaks the rules; its text tells the caller what to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// R1: there is nothing there.
    Empty,
    /// R2: longer than [`MAX_LENGTH`].
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

impl fmt::Display for Refusal {
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

/// The origins that return URLs may lead to.
#[derive(Debug, Clone, Default)]
pub struct AllowList {
    origins: Vec<AllowedOrigin>,
    http: bool,
}

impl AllowList {
    /// `http` says whether this is a development deployment, where listed http origins pass.
    pub fn new(origins: Vec<AllowedOrigin>, http: bool) -> Self {
        Self { origins, http }
    }

    /// Checks the rules R1 to R7 in order and returns the canonical URL.
    pub fn admit(&self, text: &str) -> Result<ReturnUrl, Refusal> {
        if text.is_empty() {
            return Err(Refusal::Empty);
        }
        if text.chars().count() > MAX_LENGTH {
            return Err(Refusal::TooLong);
        }
        require_plain_spelling(text)?;
        let authority = written_authority(text, self.http)?;

        let url = Url::parse(text).map_err(|_| Refusal::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let origin = self.origins.iter().find(|origin| origin.is_origin_of(&url));
        let origin = origin.ok_or(Refusal::NotAllowListed)?;
        if !origin.is_written_as(authority) {
            return Err(Refusal::SpelledDifferently);
        }
        // Escaping can lengthen a URL, so the bound holds for what is sent, too.
        if url.as_str().len() > MAX_LENGTH {
            return Err(Refusal::TooLong);
        }
        Ok(ReturnUrl(url))
    }
}

/// R3 and R4, over the whole text.
fn require_plain_spelling(text: &str) -> Result<(), Refusal> {
    if text.chars().any(is_forbidden) {
        return Err(Refusal::ForbiddenCharacter);
    }
    let mut after_percent = text.split('%').skip(1);
    let is_escape =
        |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !after_percent.all(is_escape) {
        return Err(Refusal::MalformedEscape);
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
fn written_authority(text: &str, http: bool) -> Result<&str, Refusal> {
    let strip = |prefix: &str| {
        let start = text.get(..prefix.len())?;
        start
            .eq_ignore_ascii_case(prefix)
            .then(|| &text[prefix.len()..])
    };
    let rest = strip("https://").or_else(|| strip("http://").filter(|_| http));
    let refusal = if http {
        Refusal::NotHttp
    } else {
        Refusal::NotHttps
    };
    let rest = rest.ok_or(refusal)?;
    Ok(rest.split(['/', '?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow_list() -> AllowList {
        let entries = [
            "https://app.example.com",
            "https://bücher.example",
            "https://billing.example.org:8443",
            "https://192.0.2.7",
        ];
        AllowList::new(
            entries
                .map(|entry| AllowedOrigin::parse(entry, false).expect(entry))
                .to_vec(),
            false,
        )
    }

    fn check(text: &str, expected: Result<&str, Refusal>, why: &str) {
        let admitted = allow_list().admit(text);
        assert_eq!(
            admitted
                .as_ref()
                .map(ReturnUrl::as_str)
                .map_err(|refusal| *refusal),
            expected,
            "{why}: {text}"
        );
    }

    impl fmt::Debug for ReturnUrl {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.as_str())
        }
    }

    #[test]
    fn each_way_to_break_a_rule_is_named() {
        check("", Err(Refusal::Empty), "R1");
        check(
            &format!("https://app.example.com/{}", "a".repeat(2025)),
            Err(Refusal::TooLong),
            "R2 as received",
        );
        check(
            &format!("https://app.example.com/{}", "é".repeat(400)),
            Err(Refusal::TooLong),
            "R2 as sent",
        );
        check(
            "https://app.example.com/a b",
            Err(Refusal::ForbiddenCharacter),
            "R3",
        );
        check(
            "https://app.example.com/100%",
            Err(Refusal::MalformedEscape),
            "R4",
        );
        check("http://app.example.com/", Err(Refusal::NotHttps), "R5");
        check("https://app.example.com:x/", Err(Refusal::NotAUrl), "R6");
        check(
            "https://me@app.example.com/",
            Err(Refusal::Credentials),
            "R6",
        );
        check(
            "https://app.example.org/",
            Err(Refusal::NotAllowListed),
            "R6",
        );
        check(
            "https:///192.0.2.7/",
            Err(Refusal::SpelledDifferently),
            "R7 for an address",
        );
        check(
            "https://app.example.com:0443/",
            Err(Refusal::SpelledDifferently),
            "R7",
        );
        check(
            "https:///192.0.2.7/",
            Err(Refusal::SpelledDifferently),
            "R7 holds for addresses, too",
        );
    }

    #[test]
    fn the_parsers_serialisation_is_what_is_sent() {
        check(
            "HTTPS://App.Example.Com",
            Ok("https://app.example.com/"),
            "case folds, the path is added",
        );
        check(
            "https://bücher.example/ä?ö#ü",
            Ok("https://xn--bcher-kva.example/%C3%A4?%C3%B6#%C3%BC"),
            "escapes",
        );
        check(
            "https://app.example.com:443/",
            Ok("https://app.example.com/"),
            "the default port goes",
        );
    }
}
