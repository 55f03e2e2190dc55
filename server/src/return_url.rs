//! Decides which return URLs are acceptable.
//!
//! Invariant: nothing here touches the network, the clock or the database, so a decision depends only on its
//! arguments. Paths, queries and fragments are deliberately not compared: callers deep-link into their own pages.
//!
//! URL parsers disagree about strange spellings, and a browser is not the parser that decided here. So the text is
//! held to plain spelling before it is parsed, the authority is compared as it was written as well as parsed, and
//! what goes on to Stripe is the parser's own serialisation, never the caller's text. In doubt: refuse.

mod allowed_origin;
mod error;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz_target;
mod loopback;
mod page_host;
mod spelling;

use std::sync::Arc;

use url::Url;

pub use allowed_origin::AllowedOrigin;
pub use error::ReturnUrlError;
pub(crate) use loopback::is_loopback;
pub(crate) use page_host::impossible_host;
use spelling::{require_plain_spelling, written_authority};

/// The longest return URL, in characters as received and in bytes as sent to Stripe. Stripe documents no limit;
/// this is a common floor of browsers and proxies.
pub const MAX_LENGTH: usize = 2048;

/// A URL the portal may send a browser back to. Only [`AllowList::check`] makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct ReturnUrl {
    url: Url,
    /// As the allow-list has it.
    origin: Arc<str>,
}

impl ReturnUrl {
    /// The canonical form: what is sent to Stripe.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Scheme, host and port, for the log: path and query are the caller's business.
    pub fn origin(&self) -> &Arc<str> {
        &self.origin
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

    /// The origins of the list, as they are written in full.
    pub(crate) fn origins(&self) -> impl Iterator<Item = String> {
        self.origins.iter().map(AllowedOrigin::to_string)
    }

    /// Checks the rules R1 to R7 of `tests/corpora/return_urls.json` in order and returns the canonical URL.
    pub fn check(&self, text: &str) -> Result<ReturnUrl, ReturnUrlError> {
        if text.is_empty() {
            return Err(ReturnUrlError::Empty);
        }
        if text.chars().count() > MAX_LENGTH {
            return Err(ReturnUrlError::TooLong);
        }
        require_plain_spelling(text)?;
        let authority = written_authority(text, self.http)?;

        let url = Url::parse(text).map_err(|_| ReturnUrlError::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ReturnUrlError::Credentials);
        }
        let origin = self.origins.iter().find(|origin| origin.is_origin_of(&url));
        let origin = origin.ok_or(ReturnUrlError::NotAllowListed)?;
        if !origin.is_written_as(authority) {
            return Err(ReturnUrlError::SpelledDifferently);
        }
        // Escaping can lengthen a URL, so the bound holds for what is sent, too.
        if url.as_str().len() > MAX_LENGTH {
            return Err(ReturnUrlError::TooLong);
        }
        let origin = Arc::clone(origin.text());
        Ok(ReturnUrl { url, origin })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

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

    fn check(text: &str, expected: Result<&str, ReturnUrlError>, why: &str) {
        let admitted = allow_list().check(text);
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
        check("", Err(ReturnUrlError::Empty), "R1");
        check(
            &format!("https://app.example.com/{}", "a".repeat(2025)),
            Err(ReturnUrlError::TooLong),
            "R2 as received",
        );
        check(
            &format!("https://app.example.com/{}", "é".repeat(400)),
            Err(ReturnUrlError::TooLong),
            "R2 as sent",
        );
        check(
            "https://app.example.com/a b",
            Err(ReturnUrlError::ForbiddenCharacter),
            "R3",
        );
        check(
            "https://app.example.com/100%",
            Err(ReturnUrlError::MalformedEscape),
            "R4",
        );
        check(
            "http://app.example.com/",
            Err(ReturnUrlError::NotHttps),
            "R5",
        );
        check(
            "https://app.example.com:x/",
            Err(ReturnUrlError::NotAUrl),
            "R6",
        );
        check(
            "https://me@app.example.com/",
            Err(ReturnUrlError::Credentials),
            "R6",
        );
        check(
            "https://app.example.org/",
            Err(ReturnUrlError::NotAllowListed),
            "R6",
        );
        check(
            "https:///192.0.2.7/",
            Err(ReturnUrlError::SpelledDifferently),
            "R7 for an address",
        );
        check(
            "https://app.example.com:0443/",
            Err(ReturnUrlError::SpelledDifferently),
            "R7",
        );
        check(
            "https:///192.0.2.7/",
            Err(ReturnUrlError::SpelledDifferently),
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
