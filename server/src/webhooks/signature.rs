//! Stripe's signature: `t=<seconds>,v1=<hex>,…`, an HMAC-SHA-256 of `{t}.{raw body}` with the endpoint's secret.

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
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
    fn expected(&self, secret: &Secret, body: &[u8]) -> String {
        let key = secret.expose().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
        mac.update(self.time.as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("{:x}", mac.finalize().into_bytes())
    }
}

/// The body may not have been read, so the connection is closed.
fn refused(why: &'static str) -> ApiError {
    ApiError::from(ErrorCode::InvalidSignature)
        .with_cause(why)
        .with_header(header::CONNECTION, "close")
}
