//! The body of the operation's request: its fields as the contract declares them, and what is wrong with each.

use std::collections::BTreeMap;

use poem_openapi::{Object, registry::MetaSchema};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{
    http::{api_error::ApiError, schema::scalar, strict_json::JsonObject},
    portal_options::{Flow, Locale},
    return_url::{AllowList, MAX_LENGTH, ReturnUrl},
};

/// What to open the portal with. Its values have passed the policy.
#[derive(Object)]
pub(super) struct CreatePortalSession {
    pub(super) return_url: ReturnUrl,
    pub(super) flow: Option<Flow>,
    pub(super) locale: Option<Locale>,
}

impl CreatePortalSession {
    /// Reads the fields of the body. The error names every wrong field with what is wrong with it.
    pub(super) fn validate(object: JsonObject, allow_list: &AllowList) -> Result<Self, ApiError> {
        let mut fields = Fields {
            object,
            problems: BTreeMap::new(),
        };
        let return_url = fields.required("return_url", |text| {
            allow_list.check(text).map_err(|error| error.to_string())
        });
        let flow = fields.optional("flow", |text| Flow::parse(text).ok_or_else(flow_problem));
        let locale = fields.optional("locale", |text| {
            Locale::parse(text).ok_or_else(|| LOCALE_PROBLEM.to_owned())
        });
        let problems = fields.all_problems();
        match return_url {
            Some(return_url) if problems.is_empty() => Ok(Self {
                return_url,
                flow,
                locale,
            }),
            _ => Err(ApiError::validation_failed(problems)),
        }
    }
}

fn flow_problem() -> String {
    let names = Flow::ALL.map(Flow::as_str);
    format!("must be one of {}", names.join(", "))
}

/// The list itself would be longer than the rest of the response.
const LOCALE_PROBLEM: &str =
    "must be auto or a language tag of the documented list, such as de or pt-BR";

/// The fields that were not read yet, and the problems of those that were.
struct Fields {
    object: JsonObject,
    problems: BTreeMap<String, String>,
}

impl Fields {
    /// The value of a field that may be absent. `None` if it is absent or wrong.
    fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = match self.object.take(name)? {
            Value::String(text) => parse(&text),
            _ => Err("must be a string".to_owned()),
        };
        parsed.map_err(|problem| self.add(name, problem)).ok()
    }

    /// The value of a field that must be there. `None` if it is absent or wrong.
    fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.optional(name, parse);
        if value.is_none() && !self.problems.contains_key(name) {
            self.add(name, "is required".to_owned());
        }
        value
    }

    fn add(&mut self, name: &str, problem: String) {
        self.problems.insert(name.to_owned(), problem);
    }

    /// The problems of all fields, those included that the operation does not have.
    fn all_problems(self) -> BTreeMap<String, String> {
        let mut problems = self.object.unknown_fields();
        problems.extend(self.problems);
        problems
    }
}

scalar!(
    ReturnUrl,
    MetaSchema {
        min_length: Some(1),
        max_length: Some(MAX_LENGTH),
        // Not `uri`: browsers and the policy also accept what RFC 3986 would have escaped.
        ..MetaSchema::new_with_format("string", "url")
    }
);

impl Serialize for ReturnUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

scalar!(
    Flow,
    one_of(Flow::ALL.into_iter().map(Flow::as_str).collect())
);

impl Serialize for Flow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

scalar!(Locale, one_of(Locale::ALL.to_vec()));

impl Serialize for Locale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The declaration of a string that is one of these.
fn one_of(values: Vec<&'static str>) -> MetaSchema {
    MetaSchema {
        enum_items: values.into_iter().map(Value::from).collect(),
        ..MetaSchema::new("string")
    }
}
