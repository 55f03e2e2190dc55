//! The scalars of the wire: how a value is written in JSON and how it is declared in the OpenAPI document, once each.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, SecondsFormat, Utc};
use poem_openapi::{
    registry::{MetaHeader, MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde::{Serialize, Serializer};
use serde_json::Value;
use ulid::Ulid;

use crate::return_url::{MAX_LENGTH, ReturnUrl};

/// The one media type of requests and answers.
pub(crate) const JSON: &str = "application/json";

/// Implements poem-openapi's `Type` for a scalar that we only ever write: its declaration is the given schema.
macro_rules! scalar {
    ($name:ty, $schema:expr) => {
        impl Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                serde_json::to_value(self).ok()
            }
        }

        /// Requests are read by `body`, with all their problems at once, never by poem-openapi.
        impl ParseFromJSON for $name {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                Err(ParseError::expected_type(value.unwrap_or_default()))
            }
        }
    };
}

/// The id of a request: a ULID that we mint, in the answer's body, its `X-Request-Id`, and the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RequestId(String);
scalar!(RequestId, MetaSchema::new("string"));

impl From<Ulid> for RequestId {
    fn from(ulid: Ulid) -> Self {
        Self(ulid.to_string())
    }
}

impl RequestId {
    /// The 26 characters.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A point in time, in UTC, written with whole seconds and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(pub DateTime<Utc>);
scalar!(
    Timestamp,
    MetaSchema::new_with_format("string", "date-time")
);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

scalar!(
    ReturnUrl,
    MetaSchema {
        min_length: Some(1),
        max_length: Some(MAX_LENGTH),
        // Not `uri`: browsers and the policy also take what RFC 3986 would have escaped.
        ..MetaSchema::new_with_format("string", "url")
    }
);

impl Serialize for ReturnUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The portal's URL, a credential while it lives: written into the answer, and nowhere else.
#[derive(Serialize)]
pub(crate) struct PortalUrl(pub String);
scalar!(PortalUrl, MetaSchema::new_with_format("string", "uri"));

/// `true`, always.
#[derive(Debug, Clone, Copy)]
pub(crate) struct True;
scalar!(True, constant(true));

impl Serialize for True {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

/// `false`, always.
#[derive(Debug, Clone, Copy)]
pub(crate) struct False;
scalar!(False, constant(false));

impl Serialize for False {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(false)
    }
}

fn constant(value: bool) -> MetaSchema {
    MetaSchema {
        enum_items: vec![value.into()],
        ..MetaSchema::new("boolean")
    }
}

/// The headers that every answer of the API has; [`crate::request_layer`] sets them.
pub(crate) fn headers_of_every_answer() -> impl Iterator<Item = MetaHeader> {
    let only = |value: &str| MetaSchema {
        enum_items: vec![value.into()],
        ..MetaSchema::new("string")
    };
    let ulid = MetaSchema {
        min_length: Some(26),
        max_length: Some(26),
        ..MetaSchema::new("string")
    };
    let headers = [
        ("X-Request-Id", ulid),
        ("Cache-Control", only("no-store")),
        ("X-Content-Type-Options", only("nosniff")),
    ];
    headers
        .into_iter()
        .map(|(name, schema)| header(name, true, schema))
}

/// The declaration of a response header.
pub(crate) fn header(name: &str, required: bool, schema: MetaSchema) -> MetaHeader {
    let schema = MetaSchemaRef::Inline(Box::new(schema));
    MetaHeader {
        name: name.to_owned(),
        description: None,
        required,
        deprecated: false,
        schema,
    }
}

/// The declaration of `Retry-After`: whole seconds, at least one.
pub(super) fn retry_after(required: bool) -> MetaHeader {
    let seconds = MetaSchema {
        minimum: Some(1.0),
        ..MetaSchema::new_with_format("integer", "int64")
    };
    header("Retry-After", required, seconds)
}
