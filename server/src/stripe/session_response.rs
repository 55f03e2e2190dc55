//! What the service reads of a session that Stripe created, without copying the rest.
//!
//! Whatever a part is, the session can be read: a part of another type is as if it were missing, and of two with one
//! name the last counts. So the reason why a session is not accepted names the part.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use zeroize::Zeroize;

use crate::ids::CustomerId;

/// A session, as far as the service looks at it.
#[derive(Default)]
pub(super) struct Session<'a> {
    id: Part<'a>,
    object: Part<'a>,
    customer: Part<'a>,
    customer_account: Part<'a>,
    livemode: Part<'a>,
    configuration: Part<'a>,
    return_url: Part<'a>,
    url: Part<'a>,
    created: Part<'a>,
    /// The flow, or null.
    pub flow: Value,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    Id,
    Object,
    Customer,
    CustomerAccount,
    Livemode,
    Configuration,
    ReturnUrl,
    Url,
    Created,
    Flow,
    #[serde(other)]
    Other,
}

/// A value, as far as the service looks at it. Text is borrowed from the response, unless it has escapes.
#[derive(Default)]
enum Part<'a> {
    #[default]
    Other,
    Text(Cow<'a, str>),
    Bool(bool),
    Number(i64),
    /// An object, by its id.
    Object(Option<Cow<'a, str>>),
}

impl<'a> Session<'a> {
    /// Reads the body of a response. `None` if it is not an object, or not UTF-8, also in what is not looked at.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        serde_json::from_str(text).ok()
    }

    /// Stripe's id of it.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.text()
    }

    /// What it says it is.
    pub(super) fn object(&self) -> Option<&str> {
        self.object.text()
    }

    /// Its customer, in the form in which this one is.
    pub(super) fn customer(&self, like: &CustomerId) -> Option<&str> {
        if like.is_account() {
            self.customer_account.text()
        } else {
            self.customer.text()
        }
    }

    /// Whether it is of live mode.
    pub(super) fn livemode(&self) -> Option<bool> {
        match self.livemode {
            Part::Bool(livemode) => Some(livemode),
            _ => None,
        }
    }

    /// The id of its configuration, which Stripe refers to by its id, or shows whole.
    pub(super) fn configuration(&self) -> Option<&str> {
        match &self.configuration {
            Part::Object(id) => id.as_deref(),
            other => other.text(),
        }
    }

    /// Where it leads back to.
    pub(super) fn return_url(&self) -> Option<&str> {
        self.return_url.text()
    }

    /// When Stripe created it.
    pub(super) fn created(&self) -> Option<DateTime<Utc>> {
        match self.created {
            Part::Number(seconds) => DateTime::from_timestamp(seconds, 0),
            _ => None,
        }
    }

    /// Where it is.
    pub(super) fn url(&self) -> Option<&str> {
        self.url.text()
    }
}

/// Text with escapes is a copy of the response's. The URL is wiped as the response is.
impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let Part::Text(Cow::Owned(url)) = &mut self.url {
            url.zeroize();
        }
    }
}

impl Part<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

struct ReadSession;

impl<'de> Visitor<'de> for ReadSession {
    type Value = Session<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Session<'de>, A::Error> {
        let mut session = Session::default();
        while let Some(name) = map.next_key()? {
            match name {
                Name::Id => session.id = map.next_value()?,
                Name::Object => session.object = map.next_value()?,
                Name::Customer => session.customer = map.next_value()?,
                Name::CustomerAccount => session.customer_account = map.next_value()?,
                Name::Livemode => session.livemode = map.next_value()?,
                Name::Configuration => session.configuration = map.next_value()?,
                Name::ReturnUrl => session.return_url = map.next_value()?,
                Name::Url => session.url = map.next_value()?,
                Name::Created => session.created = map.next_value()?,
                Name::Flow => session.flow = map.next_value()?,
                Name::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(session)
    }
}

impl<'de> Deserialize<'de> for Session<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadSession)
    }
}

struct ReadPart;

impl<'de> Visitor<'de> for ReadPart {
    type Value = Part<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Part<'de>, E> {
        Ok(Part::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Part<'de>, E> {
        Ok(Part::Text(text.to_owned().into()))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Part<'de>, E> {
        Ok(Part::Bool(truth))
    }

    fn visit_unit<E>(self) -> Result<Part<'de>, E> {
        Ok(Part::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Part<'de>, E> {
        Ok(Part::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Part<'de>, E> {
        Ok(i64::try_from(number).map_or(Part::Other, Part::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Part<'de>, E> {
        Ok(Part::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Part<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Part::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part<'de>, A::Error> {
        let mut id = None;
        while let Some(name) = map.next_key()? {
            match name {
                Name::Id => {
                    id = match map.next_value()? {
                        Part::Text(text) => Some(text),
                        _ => None,
                    }
                }
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(Part::Object(id))
    }
}

impl<'de> Deserialize<'de> for Part<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadPart)
    }
}
