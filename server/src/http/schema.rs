//! Scalars and headers: how each is written in JSON or HTTP, and how the OpenAPI document declares it.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use poem_openapi::registry::{MetaHeader, MetaSchema, MetaSchemaRef};
use serde::{Serialize, Serializer};
use ulid::Ulid;

/// The media type of requests and responses.
pub(crate) const JSON: &str = "application/json";

/// Implements poem-openapi's `Type` for a scalar that is only written. The second argument is its declaration.
macro_rules! scalar {
    ($name:ty, $schema:expr) => {
        impl poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl poem_openapi::types::ToJSON for $name {
            fn to_json(&self) -> Option<serde_json::Value> {
                serde_json::to_value(self).ok()
            }
        }

        /// Only declared: poem-openapi requires it of every field, and never reads one. Handlers read request bodies,
        /// so that all problems are reported together.
        impl poem_openapi::types::ParseFromJSON for $name {
            fn parse_from_json(
                value: Option<serde_json::Value>,
            ) -> poem_openapi::types::ParseResult<Self> {
                let value = value.unwrap_or_default();
                Err(poem_openapi::types::ParseError::expected_type(value))
            }
        }
    };
}
pub(crate) use scalar;

/// The id of a request: a new ULID, in the body of the response, its `X-Request-Id` and the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RequestId(String);
scalar!(RequestId, MetaSchema::new("string"));

impl From<Ulid> for RequestId {
    fn from(ulid: Ulid) -> Self {
        Self(ulid.to_string())
    }
}

impl RequestId {
    /// The 26 characters of the ULID.
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
pub(crate) struct Timestamp(pub DateTime<Utc>);
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

/// The constant `true`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct True;
scalar!(True, constant(true));

impl Serialize for True {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

/// The constant `false`.
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

/// The headers that every response of the API has. The outermost layer sets them.
pub(crate) fn common_response_headers() -> impl Iterator<Item = MetaHeader> {
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
