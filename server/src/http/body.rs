//! Reads a request's body: its type (415), size (413) and time (408).

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, combinators};
use poem::{
    Body,
    http::{HeaderMap, header},
};

use super::{api_error::ApiError, error_code::ErrorCode, memory_budget::BodyMemory, schema};

/// What a body is inside of poem's type.
type BoxBody = combinators::BoxBody<Bytes, io::Error>;

/// How long a sender waits before it tries again when there is no memory: a body is received in less than a second.
const RETRY_AFTER_OUT_OF_MEMORY: Duration = Duration::from_secs(1);

/// Requires exactly `application/json`, in UTF-8 if a charset is named, and without a content coding. The answer is the
/// same for each fault; the cause, which only the log has, names the header's fault.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let refuse = |cause| ApiError::from(ErrorCode::UnsupportedMediaType).with_cause(cause);
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let content_type = match (types.next(), types.next()) {
        (Some(only), None) => only.to_str().map_err(|_| refuse(NOT_JSON))?,
        (None, _) => return Err(refuse("there is no content type")),
        (Some(_), Some(_)) => return Err(refuse("there are several content types")),
    };
    require_json_type(content_type).map_err(refuse)?;
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(refuse("the body has a content coding"));
    }
    Ok(())
}

const NOT_JSON: &str = "the content type is not application/json";

fn require_json_type(content_type: &str) -> Result<(), &'static str> {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !essence.trim().eq_ignore_ascii_case(schema::JSON) {
        return Err(NOT_JSON);
    }
    for parameter in parameters.split(';').map(str::trim) {
        match parameter.split_once('=') {
            Some((name, value))
                if name.trim_end().eq_ignore_ascii_case("charset")
                    && !names_utf8(value.trim_start()) =>
            {
                return Err("the charset of the content type is not UTF-8");
            }
            None if !parameter.is_empty() => return Err(NOT_JSON),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a charset is UTF-8: also `utf8`, which is not registered but which many clients send. Quotes may be of
/// either kind, because some clients write them as their own language does.
fn names_utf8(charset: &str) -> bool {
    let quoted = |quote: char| charset.strip_prefix(quote)?.strip_suffix(quote);
    let name = quoted('"').or_else(|| quoted('\'')).unwrap_or(charset);
    // In a quoted string a backslash only marks that the next character is itself.
    let name = name.replace('\\', "");
    name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8")
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
    let read = tokio::time::timeout(timeout, read_at_most(body, limit)).await;
    let read = read.unwrap_or(Err(ErrorCode::RequestTimeout));
    read.map_err(refuse_and_close)
}

/// poem's own function keeps a buffer of 4 KiB in the future of every request.
async fn read_at_most(body: Body, limit: usize) -> Result<Vec<u8>, ErrorCode> {
    let mut body = BoxBody::from(body);
    let mut received = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ErrorCode::BadRequest)?;
        if let Some(chunk) = frame.data_ref() {
            if received.len() + chunk.len() > limit {
                return Err(ErrorCode::PayloadTooLarge);
            }
            received.extend_from_slice(chunk);
        }
    }
    Ok(received)
}

/// Reads a body like [`read_bounded`], with memory that is reserved as the bytes arrive: 503 when there is none.
pub(crate) async fn read_reserved(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
    memory: &BodyMemory<'_>,
) -> Result<Vec<u8>, ApiError> {
    if declared_length(headers).is_some_and(|length| length > limit) {
        return Err(refuse_and_close(ErrorCode::PayloadTooLarge));
    }
    let read = tokio::select! {
        read = tokio::time::timeout(timeout, read_growing(body, limit, memory)) => read,
        () = memory.gives_way() => return Err(out_of_memory()),
    };
    let bytes = read.map_err(|_| refuse_and_close(ErrorCode::RequestTimeout))??;
    memory.complete();
    Ok(bytes)
}

async fn read_growing(
    body: Body,
    limit: usize,
    memory: &BodyMemory<'_>,
) -> Result<Vec<u8>, ApiError> {
    let mut chunks = body.into_bytes_stream();
    let mut received = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| refuse_and_close(ErrorCode::BadRequest))?;
        let length = received.len() + chunk.len();
        if length > limit {
            return Err(refuse_and_close(ErrorCode::PayloadTooLarge));
        }
        memory.grow(length).await.map_err(|_| out_of_memory())?;
        received.extend_from_slice(&chunk);
    }
    Ok(received)
}

fn out_of_memory() -> ApiError {
    refuse_and_close(ErrorCode::ServiceUnavailable)
        .with_retry_after(RETRY_AFTER_OUT_OF_MEMORY)
        .with_cause("too many bodies at a time")
}

/// The `Content-Length` in bytes, if there is a readable one.
fn declared_length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The rest of the body is not read, so the connection cannot be used again.
fn refuse_and_close(code: ErrorCode) -> ApiError {
    ApiError::from(code).with_header(header::CONNECTION, "close")
}
