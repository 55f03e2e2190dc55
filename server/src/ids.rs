//! The identifiers that the service passes around: organizations, Stripe's customers, and the mode.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::{escaping::is_unsafe, redaction::contains_secret};

/// The longest organization id, in bytes. Fixed by the contract of the commands.
const MAX_ORGANIZATION_ID_BYTES: usize = 64;
/// The longest Stripe id, in bytes: Stripe documents that ids have at most 255 characters.
pub(crate) const MAX_STRIPE_ID_BYTES: usize = 255;

/// The operator's own id of an organization, or a generated one: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub(crate) struct OrganizationId(String);

impl OrganizationId {
    /// An id from the database, which was checked before it was written.
    pub(crate) fn from_stored(id: String) -> Self {
        Self(id)
    }

    /// The id as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrganizationId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if contains_secret(text) {
            return Err("an organization id must not contain a secret");
        }
        if (1..=MAX_ORGANIZATION_ID_BYTES).contains(&text.len()) && text.bytes().all(is_id_byte) {
            Ok(Self(text.to_owned()))
        } else {
            Err("an organization id is 1 to 64 of A-Z a-z 0-9 . _ -")
        }
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Stripe's id of a customer: `cus_…` or `acct_…` (its second form of a customer), or what the customer's creator chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct CustomerId(String);

impl CustomerId {
    /// An id from the database, which was checked before it was written.
    pub(crate) fn from_stored(id: String) -> Self {
        Self(id)
    }

    /// The id as Stripe writes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the customer is an account, which Stripe names in another field.
    pub(crate) fn is_account(&self) -> bool {
        is_stripe_id(&self.0, "acct_")
    }

    /// Whether Stripe made the id. Old and imported customers may have another one.
    pub(crate) fn has_usual_form(&self) -> bool {
        self.is_account() || is_stripe_id(&self.0, "cus_")
    }
}

impl FromStr for CustomerId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id_character = |character: char| {
            let is_separator = character.is_whitespace() || "/?#".contains(character);
            !(is_separator || character.is_control() || is_unsafe(character))
        };
        if contains_secret(text) {
            return Err("a customer's id must not contain a secret");
        }
        let has_length = (1..=MAX_STRIPE_ID_BYTES).contains(&text.chars().count());
        if has_length && text.chars().all(is_id_character) && !matches!(text, "." | "..") {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "a Stripe customer id is 1 to 255 printable characters without white space or / ? #",
            )
        }
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the text is one of Stripe's ids with this prefix.
pub(crate) fn is_stripe_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_stripe_id_byte))
}

/// The characters of Stripe's ids.
pub(crate) fn is_stripe_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether payments are real: the mode of an API key, of a Stripe secret, and so of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Real customers and payments.
    Live,
    /// Stripe's test mode.
    Test,
}

impl Mode {
    /// The mode that a word in the database means.
    pub(crate) fn from_stored(word: &str) -> Option<Self> {
        [Self::Live, Self::Test]
            .into_iter()
            .find(|mode| mode.as_str() == word)
    }

    /// The word in the prefixes of keys and in messages.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}
