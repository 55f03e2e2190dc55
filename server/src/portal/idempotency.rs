//! The request header `Idempotency-Key`, and what repetitions of a request have in common.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use poem::{Request, RequestBody, Result, http::HeaderValue};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};

use crate::{
    http::{api_error::ApiError, error_code::ErrorCode},
    stripe::Repetition,
};

/// The header's name, as the contract writes it.
const NAME: &str = "Idempotency-Key";
/// The longest key, in characters: Stripe's own limit for its keys.
const MAX_LENGTH: usize = 255;

/// How far Stripe's clock and this host's may differ, so that Stripe's time of creation is used. Hosts with NTP differ by
/// less than a second; with a clock that is wrong, `expires_at` follows the service's own clock.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::seconds(10);
/// The oldest session of a repetition. See [`crate::stripe::Repetition`].
const MAX_AGE: TimeDelta = TimeDelta::seconds(60);
/// How long a call to Stripe takes at most.
const MAX_CALL: TimeDelta = TimeDelta::seconds(10);

/// The caller's `Idempotency-Key`, if there is one: 400 for one that the contract does not allow.
pub(super) struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    /// Whether the caller sent one.
    pub(super) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// What repetitions of the request with this hash of its body have in common. `None` if each shall open its own session.
    pub(super) fn repetition<'a>(
        &'a self,
        key_id: &'a str,
        body: Option<&'a [u8; 32]>,
        received_at: DateTime<Utc>,
    ) -> Option<Repetition<'a>> {
        let (idempotency_key, body) = self.0.as_deref().zip(body)?;
        Some(Repetition {
            key_id,
            idempotency_key,
            body,
            received_at,
        })
    }
}

impl<'a> ApiExtractor<'a> for IdempotencyKey {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let schema = MetaSchema {
            min_length: Some(1),
            max_length: Some(MAX_LENGTH),
            pattern: Some("^[!-~]+$".to_owned()),
            ..MetaSchema::new("string")
        };
        Some(MetaSchemaRef::Inline(Box::new(schema)))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let mut values = request.headers().get_all(NAME).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(only), None) => Ok(Self(Some(parse(only).ok_or_else(refusal)?))),
            (Some(_), Some(_)) => Err(refusal().into()),
        }
    }
}

fn parse(value: &HeaderValue) -> Option<String> {
    let key = value.to_str().ok()?;
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    let is_key = is_visible && (1..=MAX_LENGTH).contains(&key.len());
    is_key.then(|| key.to_owned())
}

fn refusal() -> ApiError {
    let problem = "must be 1 to 255 visible ASCII characters, and sent once";
    let details = BTreeMap::from([(NAME.to_owned(), problem.to_owned())]);
    ApiError::from(ErrorCode::BadRequest)
        .with_details(details)
        .with_cause("the Idempotency-Key is not valid")
}

/// From when the lifetime of a session counts that repetitions may get, so that all of them get the same `expires_at`: from
/// its creation at Stripe. If that cannot be, because one of the clocks is wrong, from the arrival of the request.
pub(super) fn lifetime_start(
    received_at: DateTime<Utc>,
    created: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    let earliest = received_at - MAX_AGE - MAX_CLOCK_DIFFERENCE;
    let latest = received_at + MAX_CALL + MAX_CLOCK_DIFFERENCE;
    let plausible = created.filter(|created| (earliest..=latest).contains(created));
    plausible.unwrap_or(received_at)
}
