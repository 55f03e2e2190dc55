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

/// How far, in seconds, the time of signing may be from ours. Stripe's own libraries look only at the past.
const TOLERANCE: u64 = 300;

/// A signature that is recent and has the form of one. It is not valid yet.
#[derive(Debug)]
pub(super) struct Signature<'a> {
    /// The time as it was written, for it is signed so.
    time: &'a str,
    candidates: Vec<&'a str>,
}

impl<'a> Signature<'a> {
    /// The one signature of a request. What is wrong with it is for the log only.
    pub(super) fn of(headers: &'a HeaderMap, now: DateTime<Utc>) -> Result<Self, ApiError> {
        let mut values = headers.get_all(HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(refused("there is not exactly one"));
        };
        let value = value.to_str().map_err(|_| refused("it is not text"))?;
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
        if now.timestamp().abs_diff(signed_at) > TOLERANCE {
            return Err(refused("the time is too far from ours"));
        }
        let candidates: Vec<&str> = named("v1").collect();
        if candidates.is_empty() {
            return Err(refused("there is none of version 1"));
        }
        Ok(Self { time, candidates })
    }

    /// Whether one of the secrets makes one of the signatures, told in constant time.
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
            Err(refused("no secret of ours makes it"))
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

/// The body may not have been read, so the connection ends.
fn refused(why: &'static str) -> ApiError {
    ApiError::from(ErrorCode::InvalidSignature)
        .with_cause(why)
        .with_header(header::CONNECTION, "close")
}
