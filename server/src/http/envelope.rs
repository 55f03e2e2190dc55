//! The form of every response: the success and error envelopes.
//!
//! The table of error codes is used three times: to answer, to declare the operation's responses in the server's
//! OpenAPI document, and to be compared with the contract.

use std::collections::BTreeMap;

use bytes::Bytes;
use poem::{
    IntoResponse, Response,
    http::{StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use serde::Serialize;
use zeroize::Zeroize;

use super::{
    error_code::ErrorCode,
    schema::{self, False, RequestId},
};

/// Room for an envelope with the longest URL of a portal, 2048 bytes, and all else in it.
const ENVELOPE_BYTES: usize = 2560;
/// Room for an error without details.
const REFUSAL_BYTES: usize = 256;

/// The responses with these codes, as an operation declares them beside its success.
pub(crate) fn declared_errors(codes: &[ErrorCode]) -> MetaResponses {
    let response = |code: ErrorCode| MetaResponse {
        description: code.message(),
        status: Some(code.status()),
        status_range: None,
        content: json_content::<ErrorEnvelope>(),
        headers: schema::common_response_headers()
            .chain(code.headers())
            .collect(),
    };
    MetaResponses {
        responses: codes.iter().copied().map(response).collect(),
    }
}

/// The error envelope.
#[derive(Debug, Object, Serialize, utoipa::ToSchema)]
pub(crate) struct ErrorEnvelope {
    #[schema(value_type = bool, example = false)]
    success: False,
    error: ErrorBody,
}

#[derive(Debug, Object, Serialize, utoipa::ToSchema)]
struct ErrorBody {
    code: String,
    message: String,
    #[schema(value_type = String)]
    request_id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    details: Option<BTreeMap<String, String>>,
}

impl ErrorEnvelope {
    /// `details` are left out when there are none.
    pub(crate) fn new(
        code: ErrorCode,
        request_id: &RequestId,
        details: BTreeMap<String, String>,
    ) -> Self {
        let error = ErrorBody {
            code: code.as_str().to_owned(),
            message: code.message().to_owned(),
            request_id: request_id.clone(),
            details: (!details.is_empty()).then_some(details),
        };
        Self {
            success: False,
            error,
        }
    }

    /// The answer with this code's status.
    pub(crate) fn into_response(self, code: ErrorCode) -> Response {
        json_response(code.http_status(), &self)
    }
}

/// A 200 whose body is `E`, an envelope with `success` before `data`.
///
/// poem-openapi's own JSON payload sorts the keys and names a charset; this one writes the struct as it is declared.
pub(crate) struct Success<E>(pub E);

impl<E: Serialize + Send> IntoResponse for Success<E> {
    fn into_response(self) -> Response {
        wiped_json_response(StatusCode::OK, &self.0)
    }
}

impl<E: Type> ApiResponse for Success<E> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "success",
                status: Some(StatusCode::OK.as_u16()),
                status_range: None,
                content: json_content::<E>(),
                headers: schema::common_response_headers().collect(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        E::register(registry);
    }
}

/// The error of an operation that reads no body and does not call Stripe. It is only declared: what fails, fails before the
/// operation runs.
pub(crate) enum ReadError {}

impl From<ReadError> for poem::Error {
    fn from(error: ReadError) -> Self {
        match error {}
    }
}

impl ApiResponse for ReadError {
    fn meta() -> MetaResponses {
        declared_errors(&ErrorCode::READ_CODES)
    }

    fn register(registry: &mut Registry) {
        ErrorEnvelope::register(registry);
    }
}

/// A request that is malformed HTTP. Its response has no body, like those of the HTTP engine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Malformed {
    /// No `Host`, or several.
    Host,
    /// A transfer coding other than one `chunked`.
    TransferCoding,
    /// The method is longer than any that exists.
    MethodTooLong,
    /// The request line is too long.
    TargetTooLong,
    /// The header section is too large.
    HeadersTooLarge,
    /// An `Expect` other than `100-continue`.
    Expectation,
}

impl IntoResponse for Malformed {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Host | Self::TransferCoding | Self::MethodTooLong => StatusCode::BAD_REQUEST,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
        };
        Response::builder()
            .status(status)
            .header(header::CONNECTION, "close")
            .finish()
    }
}

/// Text for a machine, of this media type.
pub(crate) fn text(media_type: &str, text: Vec<u8>) -> Response {
    Response::builder()
        .status(StatusCode::OK)
        .content_type(media_type)
        .body(text)
}

/// An answer of the operations port: 200 when all is well, and else 503.
pub(crate) fn health(well: bool, body: &impl Serialize) -> Response {
    json_response(
        if well {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        body,
    )
}

fn json_content<T: Type>() -> Vec<MetaMediaType> {
    vec![MetaMediaType {
        content_type: schema::JSON,
        schema: T::schema_ref(),
    }]
}

fn json_response(status: StatusCode, envelope: &impl Serialize) -> Response {
    let mut body = Vec::with_capacity(REFUSAL_BYTES);
    let written = serde_json::to_writer(&mut body, envelope);
    written_response(status, written.map(|()| body.into()))
}

/// The same for an envelope with the URL of a portal, which is a credential: the body is wiped when it was sent.
fn wiped_json_response(status: StatusCode, envelope: &impl Serialize) -> Response {
    // With room for every envelope: what is moved to a larger place leaves a copy.
    let mut body = Wiped(Vec::with_capacity(ENVELOPE_BYTES));
    let written = serde_json::to_writer(&mut body.0, envelope);
    written_response(status, written.map(|()| Bytes::from_owner(body)))
}

fn written_response(status: StatusCode, body: serde_json::Result<Bytes>) -> Response {
    match body {
        Ok(body) => Response::builder()
            .status(status)
            .content_type(schema::JSON)
            .body(body),
        Err(error) => {
            tracing::error!(%error, "a response could not be serialized");
            StatusCode::INTERNAL_SERVER_ERROR.into()
        }
    }
}

/// Bytes that are wiped from memory after use: those that were written, and not the room for more, which would take ten
/// times as long.
struct Wiped(Vec<u8>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}
