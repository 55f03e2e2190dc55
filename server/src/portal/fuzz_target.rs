//! Any bytes as the body of the operation.

use std::{fmt, sync::LazyLock};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::request::CreatePortalSession;
use crate::{
    http::strict_json::JsonObject,
    portal_options::Flow,
    return_url::{AllowList, AllowedOrigin},
};

static ALLOW_LIST: LazyLock<AllowList> = LazyLock::new(|| {
    let entry = AllowedOrigin::parse("https://app.example.com", false);
    AllowList::new(vec![entry.expect("a good entry")], false)
});

/// What is accepted is an object for serde too, with the same values, each once.
///
/// # Panics
/// If that does not hold.
pub fn target(data: &[u8]) {
    let Some(object) = JsonObject::parse(data) else {
        return;
    };
    let read: Map<String, Value> = serde_json::from_slice(data).expect("an object for serde, too");
    let Ok(wanted) = CreatePortalSession::validate(object, &ALLOW_LIST) else {
        return;
    };
    let written = read["return_url"].as_str().expect("a text");
    let checked = ALLOW_LIST.check(written).expect("an accepted URL");
    assert_eq!(checked.as_str(), wanted.return_url.as_str());
    let text = |field: &str| read.get(field).and_then(Value::as_str);
    assert_eq!(wanted.flow.map(Flow::as_str), text("flow"));
    let locale = wanted.locale.as_ref();
    assert_eq!(locale.map(|locale| locale.as_str()), text("locale"));
    // A reader that takes the first of two fields finds the same.
    let Fields(written) = serde_json::from_slice(data).expect("an object for serde, too");
    assert_eq!(written, read.len());
}

/// How many fields an object has as it is written.
struct Fields(usize);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor).map(Self)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<usize, A::Error> {
        let mut fields = 0;
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            fields += 1;
        }
        Ok(fields)
    }
}
