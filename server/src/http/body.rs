//! Reads a request's body: its type (415), size (413), time (408), syntax (400) and fields (422), in this order.
//!
//! poem-openapi's JSON payload takes any `+json` type, reads without bound, lets the last of two equal keys win and
//! stops at the first wrong field. A body that could be read in two ways by two readers is refused here.

use std::{collections::BTreeMap, time::Duration};

use poem::{
    Request, RequestBody, Result,
    error::ReadBodyError,
    http::{HeaderMap, header},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};

use crate::{
    app::App,
    http::{api_error::ApiError, error_code::ErrorCode, schema, strict_json::JsonObject},
};

/// The largest body, in bytes. The longest legal request, with every character escaped, is under 13 KiB.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024;

/// A request type: what can be read from a JSON object.
pub(crate) trait Fields: Sized + Type {
    /// Reads the fields. The error names every wrong one with what is wrong with it.
    fn read(object: JsonObject, app: &App) -> Result<Self, BTreeMap<String, String>>;
}

/// The request's body, read as `T`.
pub(crate) struct JsonBody<T>(pub T);

impl<'a, T: Fields> ApiExtractor<'a> for JsonBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType {
            content_type: schema::JSON,
            schema: T::schema_ref(),
        }];
        Some(MetaRequest {
            description: None,
            content,
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        require_json(request.headers())?; // 415
        let bytes =
            read_bounded(request, body, MAX_BODY_BYTES, App::of(request).body_timeout).await?; // 413, 408
        let object = JsonObject::parse(&bytes).ok_or(ApiError::from(ErrorCode::BadRequest))?; // 400
        Ok(Self(
            T::read(object, App::of(request)).map_err(ApiError::validation_failed)?,
        )) // 422
    }
}

/// Exactly `application/json`, in UTF-8 if a charset is named, and without a content coding.
fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let json = match (types.next(), types.next()) {
        (Some(only), None) => only.to_str().is_ok_and(is_json),
        _ => false,
    };
    let coded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if json && !coded {
        Ok(())
    } else {
        Err(ErrorCode::UnsupportedMediaType.into())
    }
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case(schema::JSON)
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            Some(_) => true,
            None => parameter.is_empty(),
        })
}

/// Reads a body of at most `limit` bytes (413 for a larger one) that comes within `time` (408 for a slower one).
pub(crate) async fn read_bounded(
    request: &Request,
    body: &mut RequestBody,
    limit: usize,
    time: Duration,
) -> Result<Vec<u8>, ApiError> {
    // The declared length is enough to refuse; a body sent in chunks is counted while it is read.
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(refuse_and_close(ErrorCode::PayloadTooLarge));
    }
    let body = body
        .take()
        .map_err(|error| ApiError::from(ErrorCode::Internal).with_cause(error.to_string()))?;
    match tokio::time::timeout(time, body.into_bytes_limit(limit)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(ReadBodyError::PayloadTooLarge)) => {
            Err(refuse_and_close(ErrorCode::PayloadTooLarge))
        }
        Ok(Err(_)) => Err(refuse_and_close(ErrorCode::BadRequest)),
        Err(_) => Err(refuse_and_close(ErrorCode::RequestTimeout)),
    }
}

/// What is left of the body is not waited for, so the connection cannot be used again.
fn refuse_and_close(code: ErrorCode) -> ApiError {
    ApiError::from(code).with_header(header::CONNECTION, "close")
}
