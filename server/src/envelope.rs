//! What every answer looks like: the success and error envelopes, and the one table of error codes.
//!
//! The table is used three times: to answer, to declare the operation's responses in the server's OpenAPI document,
//! and to be compared with the contract. HTTP statuses are named here and nowhere else.

use std::collections::BTreeMap;

use poem::{
    IntoResponse, Response,
    http::{StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, Registry},
    types::Type,
};
use serde::Serialize;

use crate::wire::{self, False, RequestId};

/// What went wrong, as a program sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    /// The body is not one JSON object.
    BadRequest,
    /// The key was not accepted, for whatever reason.
    Unauthorized,
    /// The key lacks the scope.
    Forbidden,
    /// The body came too slowly.
    RequestTimeout,
    /// The organization has no customer at Stripe.
    NoStripeCustomer,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The body's fields are wrong.
    ValidationFailed,
    /// Too many requests of this key or from this address.
    RateLimited,
    /// A bug.
    Internal,
    /// Stripe did not open the portal.
    BillingPortalUnavailable,
    /// Our store is away, we are full, or we are shutting down.
    ServiceUnavailable,
    /// No such path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
}

impl ErrorCode {
    /// The codes with which the operation answers. The last two of the enum are for requests that are no operation.
    pub(crate) const OF_THE_OPERATION: [Self; 12] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::RequestTimeout,
        Self::NoStripeCustomer,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::ValidationFailed,
        Self::RateLimited,
        Self::Internal,
        Self::BillingPortalUnavailable,
        Self::ServiceUnavailable,
    ];

    /// Every code.
    pub(crate) const ALL: [Self; 14] = {
        let mut all = [Self::NotFound; 14];
        let mut index = 0;
        while index < Self::OF_THE_OPERATION.len() {
            all[index] = Self::OF_THE_OPERATION[index];
            index += 1;
        }
        all[13] = Self::MethodNotAllowed;
        all
    };

    /// The whole error contract. A new row is a change that callers can see.
    #[rustfmt::skip]
    const fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest               => (StatusCode::BAD_REQUEST,            "BAD_REQUEST",                "request body must be one JSON object"),
            Self::Unauthorized             => (StatusCode::UNAUTHORIZED,           "UNAUTHORIZED",               "authentication failed"),
            Self::Forbidden                => (StatusCode::FORBIDDEN,              "FORBIDDEN",                  "missing required scope"),
            Self::RequestTimeout           => (StatusCode::REQUEST_TIMEOUT,        "REQUEST_TIMEOUT",            "request body was not received in time"),
            Self::NoStripeCustomer         => (StatusCode::CONFLICT,               "NO_STRIPE_CUSTOMER",         "organization has no stripe customer; subscribe first"),
            Self::PayloadTooLarge          => (StatusCode::PAYLOAD_TOO_LARGE,      "PAYLOAD_TOO_LARGE",          "request body is too large"),
            Self::UnsupportedMediaType     => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE",     "content type must be application/json"),
            Self::ValidationFailed         => (StatusCode::UNPROCESSABLE_ENTITY,   "VALIDATION_FAILED",          "validation failed"),
            Self::RateLimited              => (StatusCode::TOO_MANY_REQUESTS,      "RATE_LIMITED",               "too many requests"),
            Self::Internal                 => (StatusCode::INTERNAL_SERVER_ERROR,  "INTERNAL",                   "internal error"),
            Self::BillingPortalUnavailable => (StatusCode::BAD_GATEWAY,            "BILLING_PORTAL_UNAVAILABLE", "billing portal session could not be created"),
            Self::ServiceUnavailable       => (StatusCode::SERVICE_UNAVAILABLE,    "SERVICE_UNAVAILABLE",        "service is temporarily unavailable"),
            Self::NotFound                 => (StatusCode::NOT_FOUND,              "NOT_FOUND",                  "not found"),
            Self::MethodNotAllowed         => (StatusCode::METHOD_NOT_ALLOWED,     "METHOD_NOT_ALLOWED",         "method not allowed"),
        }
    }

    /// The HTTP status.
    pub(crate) const fn status(self) -> u16 {
        self.row().0.as_u16()
    }

    pub(crate) const fn http_status(self) -> StatusCode {
        self.row().0
    }

    /// The code on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The text for people, always the same for a code.
    pub(crate) const fn message(self) -> &'static str {
        self.row().2
    }

    /// The headers that this code's answers have beyond those of every answer.
    fn headers(self) -> Vec<MetaHeader> {
        match self {
            Self::Unauthorized | Self::Forbidden => {
                vec![wire::header(
                    "WWW-Authenticate",
                    true,
                    MetaSchema::new("string"),
                )]
            }
            Self::RateLimited | Self::ServiceUnavailable => vec![retry_after(true)],
            Self::BillingPortalUnavailable => vec![retry_after(false)],
            _ => vec![],
        }
    }
}

/// The responses that the operation declares beside its success.
pub(crate) fn declared_errors() -> MetaResponses {
    let response = |code: ErrorCode| MetaResponse {
        description: code.message(),
        status: Some(code.status()),
        status_range: None,
        content: json_content::<ErrorEnvelope>(),
        headers: wire::headers_of_every_answer()
            .chain(code.headers())
            .collect(),
    };
    MetaResponses {
        responses: ErrorCode::OF_THE_OPERATION
            .into_iter()
            .map(response)
            .collect(),
    }
}

/// The error envelope.
#[derive(Debug, Object, Serialize)]
pub(crate) struct ErrorEnvelope {
    success: False,
    error: ErrorBody,
}

#[derive(Debug, Object, Serialize)]
struct ErrorBody {
    code: String,
    message: String,
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
        json_response(StatusCode::OK, &self.0)
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
                headers: wire::headers_of_every_answer().collect(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        E::register(registry);
    }
}

/// A request that is not HTTP enough to be routed. Its answer has no body, like those of the HTTP engine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Malformed {
    /// No `Host`, or several.
    Host,
    /// A transfer coding other than one `chunked`.
    TransferCoding,
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
            Self::Host | Self::TransferCoding => StatusCode::BAD_REQUEST,
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

fn retry_after(required: bool) -> MetaHeader {
    let seconds = MetaSchema {
        minimum: Some(1.0),
        ..MetaSchema::new_with_format("integer", "int64")
    };
    wire::header("Retry-After", required, seconds)
}

fn json_content<T: Type>() -> Vec<MetaMediaType> {
    vec![MetaMediaType {
        content_type: wire::JSON,
        schema: T::schema_ref(),
    }]
}

fn json_response(status: StatusCode, envelope: &impl Serialize) -> Response {
    // A struct of strings, booleans and string maps always serialises.
    let body = serde_json::to_vec(envelope).unwrap_or_default();
    Response::builder()
        .status(status)
        .content_type(wire::JSON)
        .body(body)
}
