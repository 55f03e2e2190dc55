//! Stripe's signature: `t=<seconds>,v1=<hex>,…`, an HMAC-SHA-256 of `{t}.{raw body}` with the endpoint's secret.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use poem::http::{HeaderMap, header};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{
    config::Secret,
    http::{api_error::ApiError, error_code::ErrorCode},
};

const HEADER: &str = "stripe-signature";

/// How far, in seconds, the time of signing may differ from ours: the tolerance of Stripe's own libraries, which check
/// only the past.
const TOLERANCE_SECONDS: u64 = 300;

/// A recent, well-formed signature that has not been verified yet.
#[derive(Debug)]
pub(super) struct Signature<'a> {
    /// The time as it was written: these bytes are signed.
    time: &'a str,
    candidates: Vec<&'a str>,
}

impl<'a> Signature<'a> {
    /// Reads the one signature header of a request. What is wrong with it is only logged.
    pub(super) fn of(headers: &'a HeaderMap, now: DateTime<Utc>) -> Result<Self, ApiError> {
        let mut values = headers.get_all(HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(refused("there is not exactly one signature header"));
        };
        let value = value
            .to_str()
            .map_err(|_| refused("the signature header is not text"))?;
        let named = |name: &'static str| {
            value
                .split(',')
                .filter_map(|part| part.split_once('='))
                .filter(move |(part, _)| *part == name)
                .map(|(_, value)| value)
        };
        let mut times = named("t");
        let (Some(time), None) = (times.next(), times.next()) else {
            return Err(refused("there is not exactly one time"));
        };
        if time.is_empty() || !time.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused("the time is not a number"));
        }
        let signed_at: i64 = time.parse().map_err(|_| refused("the time is too large"))?;
        if now.timestamp().abs_diff(signed_at) > TOLERANCE_SECONDS {
            return Err(refused("the time is too far from ours"));
        }
        let candidates: Vec<&str> = named("v1").collect();
        if candidates.is_empty() {
            return Err(refused("there is no signature of version 1"));
        }
        Ok(Self { time, candidates })
    }

    /// Requires that a configured secret matches one of the signatures. Compares in constant time.
    pub(super) fn require_valid(&self, secrets: &[Secret], body: &[u8]) -> Result<(), ApiError> {
        let valid = secrets.iter().any(|secret| {
            let expected = self.expected(secret, body);
            let is_expected =
                |candidate: &&str| bool::from(candidate.as_bytes().ct_eq(expected.as_bytes()));
            self.candidates.iter().any(is_expected)
        });
        if valid {
            Ok(())
        } else {
            Err(refused("no configured secret matches"))
        }
    }

    /// In lower-case hexadecimal, as Stripe writes it.
    pub(super) fn expected(&self, secret: &Secret, body: &[u8]) -> String {
        let key = secret.expose().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
        mac.update(self.time.as_bytes());
        mac.update(b".");
        mac.update(body);
        let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
        mac.finalize().into_bytes().iter().fold(String::new(), hex)
    }
}

/// The body may not have been read, so the connection is closed.
fn refused(why: &'static str) -> ApiError {
    ApiError::from(ErrorCode::InvalidSignature)
        .with_cause(why)
        .with_header(header::CONNECTION, "close")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn secret(text: &str) -> Secret {
        serde_json::from_value(json!(text)).expect("a text")
    }

    /// Whether a request with this header and body is accepted.
    fn accepts(header: &str, secrets: &[Secret], body: &[u8]) -> bool {
        let Ok(value) = header.parse() else {
            return false;
        };
        let headers = HeaderMap::from_iter([(HEADER.parse().expect("a name"), value)]);
        let now = DateTime::from_timestamp(NOW, 0).expect("a time");
        let signature = Signature::of(&headers, now);
        signature.is_ok_and(|signature| signature.require_valid(secrets, body).is_ok())
    }

    fn sign(time: i64, by: &Secret, body: &[u8]) -> String {
        let time = time.to_string();
        let unsigned = Signature {
            time: &time,
            candidates: Vec::new(),
        };
        unsigned.expected(by, body)
    }

    proptest! {
        #[test]
        fn what_a_configured_secret_signs_is_accepted_and_nothing_else(
            body in prop::collection::vec(any::<u8>(), 0..200),
            text in "whsec_[0-9A-Za-z]{1,40}",
            age in -400..400_i64,
            other in prop::collection::vec(any::<u8>(), 1..10),
            at in any::<prop::sample::Index>(),
        ) {
            let (ours, theirs) = (secret(&text), secret("whsec_theirs"));
            let time = NOW - age;
            let valid = sign(time, &ours, &body);
            let is_recent = age.abs() <= 300;
            let both = [theirs.clone(), ours.clone()];
            for header in [format!("t={time},v1={valid}"), format!("v0=a,v1=b,t={time},v1={valid},v2=c")] {
                prop_assert_eq!(accepts(&header, &both, &body), is_recent);
                prop_assert!(!accepts(&header, std::slice::from_ref(&theirs), &body));
                prop_assert!(!accepts(&header, &[], &body));
                let longer = [&body[..], &other[..]].concat();
                prop_assert!(!accepts(&header, &both, &longer));
            }
            let place = at.index(valid.len());
            let wrong = if &valid[place..=place] == "0" { "1" } else { "0" };
            let mut changed = valid.clone();
            changed.replace_range(place..=place, wrong);
            let refused = [
                format!("t={time},v1={changed}"),
                format!("t={time},v1={}", &valid[..place]),
                format!("t={},v1={valid}", time + 1),
                format!("t={time},t={time},v1={valid}"),
                format!("t={time},v0={valid}"),
                format!("v1={valid}"),
                format!("t=+{time},v1={valid}"),
                format!("t={time},v1={}", valid.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A")),
            ];
            for header in refused {
                prop_assert!(!accepts(&header, &both, &body), "{header}");
            }
        }

        #[test]
        fn no_header_without_a_valid_signature_is_accepted(header in "(t=1800000000,?|v1=[0-9a-f]{0,64},?|\\PC{0,10}){0,6}") {
            let accepted = accepts(&header, &[secret("whsec_ours")], b"{}");
            prop_assert!(!accepted);
        }
    }
}
