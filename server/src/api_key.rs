//! The form of an API key: made, checked and hashed here, without any look-up.
//!
//! `am_live_` or `am_test_`, 30 random base62 characters, 6 base62 characters of CRC-32/ISO-HDLC over all before
//! them. The checksum is no secret: it lets a mistyped key be refused for free, and gives secret scanners an exact
//! rule. Only the SHA-256 of a key is ever stored; with 178 random bits a slow hash would protect nothing.

use std::{fmt, str::FromStr};

use crc::{CRC_32_ISO_HDLC, Crc};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{clock::Clock, ids::Mode};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH: usize = 30;
const CHECKSUM_LENGTH: usize = 6;
const PREFIX_LENGTH: usize = "am_live_".len();
const LENGTH: usize = PREFIX_LENGTH + RANDOM_LENGTH + CHECKSUM_LENGTH;

/// A well-formed API key. `Debug` shows nothing of it, and it is wiped from memory after use.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Makes a new key from the system's randomness.
    pub(crate) fn generate(mode: Mode, clock: &Clock) -> Self {
        // With its final capacity: what is moved to a larger place leaves a copy.
        let mut key = Zeroizing::new(String::with_capacity(LENGTH));
        key.push_str(key_prefix(mode));
        while key.len() < PREFIX_LENGTH + RANDOM_LENGTH {
            // 248 = 4 * 62: refusing the bytes above keeps every character equally likely.
            let bytes = clock
                .random_bytes::<32>()
                .into_iter()
                .filter(|byte| *byte < 248);
            for byte in bytes.take(PREFIX_LENGTH + RANDOM_LENGTH - key.len()) {
                key.push(char::from(ALPHABET[usize::from(byte) % 62]));
            }
        }
        let checksum = checksum(&key);
        key.push_str(&checksum);
        Self(key)
    }

    /// Which deployments accept it.
    pub(crate) fn mode(&self) -> Mode {
        if self.0.starts_with(key_prefix(Mode::Live)) {
            Mode::Live
        } else {
            Mode::Test
        }
    }

    /// What is stored and looked up.
    pub(crate) fn hash(&self) -> ApiKeyHash {
        ApiKeyHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The key itself, to be shown once.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Not the form of an API key. Says nothing about why, for the caller is not to learn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnApiKey;

impl FromStr for ApiKey {
    type Err = NotAnApiKey;

    fn from_str(text: &str) -> Result<Self, NotAnApiKey> {
        let is_key = text.len() == LENGTH
            && [Mode::Live, Mode::Test]
                .iter()
                .any(|mode| text.starts_with(key_prefix(*mode)))
            && text
                .bytes()
                .skip(PREFIX_LENGTH)
                .all(|byte| byte.is_ascii_alphanumeric())
            && text.ends_with(&checksum(&text[..LENGTH - CHECKSUM_LENGTH]));
        if is_key {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(NotAnApiKey)
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

const fn key_prefix(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "am_live_",
        Mode::Test => "am_test_",
    }
}

/// The SHA-256 of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ApiKeyHash([u8; 32]);

impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyHash([redacted])")
    }
}

impl ApiKeyHash {
    /// The 32 bytes, for the store.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// CRC-32/ISO-HDLC in base62, most significant digit first, padded with `0` to six.
fn checksum(text: &str) -> String {
    // A constant would be a table of its own for each call.
    static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
    let mut rest = CRC.checksum(text.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest % 62];
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_generated_key_is_well_formed() {
        let key = ApiKey::generate(Mode::Test, &Clock::system());
        assert_eq!(key.expose().len(), 44);
        assert_eq!(key.expose().parse(), Ok(key.clone()));
        assert_eq!(key.mode(), Mode::Test);
        assert_eq!(format!("{key:?}"), "ApiKey([redacted])");
    }

    #[test]
    fn every_single_character_edit_is_refused() {
        let key = ApiKey::generate(Mode::Live, &Clock::system());
        for position in 0..LENGTH {
            for character in ALPHABET {
                let mut edited = key.expose().as_bytes().to_vec();
                if edited[position] == *character {
                    continue;
                }
                edited[position] = *character;
                let edited = String::from_utf8(edited).expect("ASCII");
                assert_eq!(
                    edited.parse::<ApiKey>(),
                    Err(NotAnApiKey),
                    "position {position}"
                );
            }
        }
    }

    #[test]
    fn every_swap_of_neighbours_is_refused() {
        let key = ApiKey::generate(Mode::Live, &Clock::system());
        for position in 1..LENGTH {
            let mut swapped = key.expose().as_bytes().to_vec();
            swapped.swap(position - 1, position);
            let swapped = String::from_utf8(swapped).expect("ASCII");
            let is_same = swapped == key.expose();
            assert_eq!(swapped.parse::<ApiKey>().is_ok(), is_same, "{position}");
        }
    }

    #[test]
    fn ten_thousand_keys_are_unique_and_evenly_distributed() {
        const KEYS: usize = 10_000;
        /// Chi-square of 61 degrees of freedom exceeds this once in a thousand million runs. Taking a byte modulo 62,
        /// without rejection, makes it exceed 1,000.
        const MAX_CHI_SQUARE: f64 = 150.0;
        let mut counts = [0_u32; 62];
        let mut keys = HashSet::new();
        for _ in 0..KEYS {
            let key = ApiKey::generate(Mode::Live, &Clock::system());
            for byte in key.expose()[PREFIX_LENGTH..][..RANDOM_LENGTH].bytes() {
                let digit = ALPHABET.iter().position(|digit| *digit == byte);
                counts[digit.expect("base62")] += 1;
            }
            assert!(key.expose().parse::<ApiKey>().is_ok());
            assert!(keys.insert(key.expose().to_owned()), "it is new");
        }
        let expected = f64::from(counts.iter().sum::<u32>()) / 62.0;
        let deviations = counts.map(|count| (f64::from(count) - expected).powi(2) / expected);
        let chi_square: f64 = deviations.iter().sum();
        assert!(chi_square < MAX_CHI_SQUARE, "{chi_square}");
    }

    proptest! {
        #[test]
        fn only_what_was_generated_is_a_key(text in "(am_(live|test)_)?[0-9A-Za-z_]{30,50}|\\PC*") {
            // One in 2^32 well-formed texts has the right checksum by chance.
            prop_assert_eq!(text.parse::<ApiKey>(), Err(NotAnApiKey));
        }

        #[test]
        fn a_key_with_something_put_in_is_none(more in "\\PC{1,5}", at in 0..=LENGTH) {
            let key = ApiKey::generate(Mode::Live, &Clock::system());
            let (before, after) = key.expose().split_at(at);
            prop_assert_eq!([before, &more, after].concat().parse::<ApiKey>(), Err(NotAnApiKey));
        }

        #[test]
        fn a_key_with_several_characters_replaced_is_none(by in "[0-9A-Za-z]{2,6}", at in 0..LENGTH - 6) {
            let key = ApiKey::generate(Mode::Test, &Clock::system());
            let mut replaced = key.expose().to_owned();
            replaced.replace_range(at..at + by.len(), &by);
            prop_assert_eq!(replaced.parse::<ApiKey>().is_ok(), replaced == key.expose());
        }
    }

    #[test]
    fn the_checksum_is_crc32_iso_hdlc_in_base62() {
        // CRC-32/ISO-HDLC of "123456789" is 0xCBF43926 by the catalogue: 3421780262.
        assert_eq!(checksum("123456789"), "3jZRME");
    }
}
