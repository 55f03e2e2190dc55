//! The checks of a `return_url` that are possible before it is sent.
//!
//! Invariant: nothing is rejected here that some deployment would accept. Only the service knows whether the origin is
//! on the allow-list and whether plain http is allowed.

use crate::error::Error;
use crate::generated::types::CreatePortalSessionReturnUrl;

/// The return URL, if the value follows the rules of the contract.
pub(crate) fn parse(text: &str) -> Result<CreatePortalSessionReturnUrl, Error> {
    let reject = |problem: &str| Error::InvalidRequest {
        field: "return_url",
        problem: problem.to_owned(),
    };
    if text.is_empty() {
        return Err(reject("is empty"));
    }
    // The length is the contract's: the generated type holds the bounds.
    let return_url = CreatePortalSessionReturnUrl::try_from(text)
        .map_err(|error| reject(&format!("is {error}")))?;
    if text.contains(is_never_in_a_url) {
        return Err(reject(
            "has white space, a control character or a backslash",
        ));
    }
    let rest = after_scheme(text, "https://").or_else(|| after_scheme(text, "http://"));
    let rest = rest.ok_or_else(|| reject("is not an absolute https URL"))?;
    let authority = rest
        .split(['/', '?', '#'])
        .next()
        .expect("split gives at least one part");
    if authority.is_empty() {
        return Err(reject("has no host"));
    }
    if authority.contains('@') {
        return Err(reject("has credentials"));
    }
    Ok(return_url)
}

/// What follows a scheme, which may be written in either case.
fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn is_never_in_a_url(character: char) -> bool {
    character.is_control() || character.is_whitespace() || character == '\\'
}
