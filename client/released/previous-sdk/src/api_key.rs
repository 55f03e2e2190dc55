//! The API key: checked before any request, never shown, wiped from memory when dropped.
//!
//! The checksum detects a mistyped or truncated key. It does not say whether the key exists; only the service knows
//! that.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::Error;

/// Number of random characters between a key's prefix and its checksum, as the service makes keys.
const RANDOM_CHARACTERS: usize = 30;
/// Number of the checksum's characters: a 32-bit number in base 62.
const CHECKSUM_CHARACTERS: usize = 6;
/// The digits of the checksum, least first.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key whose form and checksum are right: `am_live_…` or `am_test_…`, 44 characters in all.
///
/// Its `Debug` shows only the mode, it has no `Display`, and its memory is wiped when it is dropped. The header that a
/// client makes from it belongs to the HTTP library, which does not show it but does not wipe it either.
///
/// ```
/// use billing_portal_client::{ApiKey, Mode};
///
/// let key: ApiKey = "am_test_0000000000000000000000000000001EuB8u".parse()?;
/// assert_eq!(key.mode(), Mode::Test);
/// assert!("am_test_0000000000000000000000000000001EuB8v".parse::<ApiKey>().is_err());
/// # Ok::<(), billing_portal_client::Error>(())
/// ```
#[derive(Clone)]
pub struct ApiKey {
    text: Zeroizing<String>,
    mode: Mode,
}

/// Which of Stripe's modes a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `am_live_…`: real customers.
    Live,
    /// `am_test_…`: Stripe's test mode.
    Test,
}

impl ApiKey {
    /// The mode that the key's prefix names.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The `Authorization` header, marked so that HTTP libraries do not show it.
    pub(crate) fn authorization(&self) -> HeaderValue {
        let bearer = Zeroizing::new(format!("Bearer {}", self.text.as_str()));
        let mut value =
            HeaderValue::from_str(&bearer).expect("a key is letters, digits and underscores");
        value.set_sensitive(true);
        value
    }

    /// The text with every occurrence of this key replaced, for answers that repeat the request.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(self.text.as_str(), "[api key]")
    }
}

impl FromStr for ApiKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let reject = |problem| Error::configuration("api_key", problem);
        let (mode, rest) = if let Some(rest) = text.strip_prefix("am_live_") {
            (Mode::Live, rest)
        } else if let Some(rest) = text.strip_prefix("am_test_") {
            (Mode::Test, rest)
        } else {
            return Err(reject("must begin with am_live_ or am_test_"));
        };
        if rest.len() != RANDOM_CHARACTERS + CHECKSUM_CHARACTERS
            || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(reject(
                "must have 36 letters and digits after its prefix; is it cut off?",
            ));
        }
        let (body, given) = text.split_at(text.len() - CHECKSUM_CHARACTERS);
        if given.as_bytes() != checksum(body.as_bytes()) {
            return Err(reject("does not match its checksum; a character is wrong"));
        }
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            mode,
        })
    }
}

impl TryFrom<&str> for ApiKey {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

/// Takes ownership of the text and wipes it.
impl TryFrom<String> for ApiKey {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Zeroizing::new(text).parse()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mode {
            Mode::Live => "ApiKey(am_live_…)",
            Mode::Test => "ApiKey(am_test_…)",
        })
    }
}

/// CRC-32/ISO-HDLC in base 62, most significant digit first, padded with `0`.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_CHARACTERS] {
    let mut rest = !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    });
    let mut digits = [b'0'; CHECKSUM_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}
