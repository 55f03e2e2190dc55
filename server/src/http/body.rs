//! Reads a request's body: its type (415), size (413) and time (408).

use std::time::Duration;

use poem::{
    Body,
    error::ReadBodyError,
    http::{HeaderMap, header},
};

use super::{api_error::ApiError, error_code::ErrorCode, schema};

/// Requires exactly `application/json`, in UTF-8 if a charset is named, and without a content coding.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
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
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    essence.trim().eq_ignore_ascii_case(schema::JSON)
        && parameters.split(';').map(str::trim).all(is_harmless)
}

/// Whether a parameter of the content type leaves the body UTF-8.
fn is_harmless(parameter: &str) -> bool {
    match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) => true,
        None => parameter.is_empty(),
    }
}

/// Reads a body of at most `limit` bytes (413 for a larger one) that arrives within `timeout` (408 for a slower one).
pub(crate) async fn read_bounded(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Vec<u8>, ApiError> {
    // The declared length is enough to refuse. A body without one is counted while it is read.
    if declared_length(headers).is_some_and(|length| length > limit) {
        return Err(refuse_and_close(ErrorCode::PayloadTooLarge));
    }
    match tokio::time::timeout(timeout, body.into_bytes_limit(limit)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(ReadBodyError::PayloadTooLarge)) => {
            Err(refuse_and_close(ErrorCode::PayloadTooLarge))
        }
        Ok(Err(_)) => Err(refuse_and_close(ErrorCode::BadRequest)),
        Err(_) => Err(refuse_and_close(ErrorCode::RequestTimeout)),
    }
}

/// The `Content-Length` in bytes, if there is a readable one.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The rest of the body is not read, so the connection cannot be used again.
fn refuse_and_close(code: ErrorCode) -> ApiError {
    ApiError::from(code).with_header(header::CONNECTION, "close")
}
