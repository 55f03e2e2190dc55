//! The cases of `corpora/bodies.json` as values. A field that is not known here is an error, so that nothing in the
//! corpus is silently not checked.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) id: String,
    #[serde(rename = "category")]
    _category: String,
    pub(super) request: Request,
    pub(super) expect: Expectation,
    pub(super) why: String,
}

/// What is sent, and how the client behaves. Either `raw`, or the parts of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of the corpus")]
pub(super) struct Request {
    pub(super) raw: Option<Text>,
    pub(super) method: String,
    pub(super) target: Text,
    pub(super) headers: Vec<(Text, Text)>,
    pub(super) many_headers: usize,
    pub(super) body: Option<Text>,
    pub(super) body_b64: Option<String>,
    pub(super) body_gen: Option<Text>,
    pub(super) framing: Option<Framing>,
    pub(super) chunk: usize,
    pub(super) repeat: usize,
    pub(super) half_close: bool,
    /// The client keeps the connection; ours always does until the answer is there.
    #[serde(rename = "hold_open")]
    _hold_open: bool,
    pub(super) drip_ms: Option<u64>,
    pub(super) drip_from_body: bool,
    pub(super) after_100: Option<String>,
    pub(super) tolerate_reset: bool,
    pub(super) allow_close_after_first: bool,
    pub(super) first_only: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            raw: None,
            method: "POST".to_owned(),
            target: Text::default(),
            headers: Vec::new(),
            many_headers: 0,
            body: None,
            body_b64: None,
            body_gen: None,
            framing: None,
            chunk: 0,
            repeat: 1,
            half_close: false,
            _hold_open: false,
            drip_ms: None,
            drip_from_body: false,
            after_100: None,
            tolerate_reset: false,
            allow_close_after_first: false,
            first_only: false,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Framing {
    Chunked,
}

/// A text as it stands, or one that is too long to write down.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Plain(String),
    Repeated {
        #[serde(default)]
        prefix: String,
        unit: String,
        count: usize,
        #[serde(default)]
        suffix: String,
    },
}

impl Default for Text {
    fn default() -> Self {
        Self::Plain(String::new())
    }
}

/// What must come back.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expectation {
    pub(super) status: OneOrMany<u16>,
    pub(super) code: Code,
    pub(super) details: Vec<String>,
    /// Regular expressions.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) no_headers: Vec<String>,
    pub(super) not_equal_header: BTreeMap<String, String>,
    pub(super) not_request_id: Option<String>,
    pub(super) body_empty: bool,
    pub(super) max_body: Option<usize>,
    pub(super) connection: Option<String>,
    pub(super) interim: Option<bool>,
    pub(super) responses: Vec<Expectation>,
    pub(super) within_s: Option<Limit>,
    pub(super) then_closed_within_s: Option<Limit>,
}

/// What `error.code` must be; in the corpus null is a success, and absent or `*` is not checked.
#[derive(Deserialize, Default)]
#[serde(from = "Option<OneOrMany<String>>")]
pub(super) enum Code {
    #[default]
    Unchecked,
    Success,
    OneOf(OneOrMany<String>),
}

impl From<Option<OneOrMany<String>>> for Code {
    fn from(code: Option<OneOrMany<String>>) -> Self {
        match code {
            None => Self::Success,
            Some(OneOrMany::One(any)) if any == "*" => Self::Unchecked,
            Some(codes) => Self::OneOf(codes),
        }
    }
}

/// The setting that bounds the time.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the names of the corpus")]
pub(super) enum Limit {
    HeaderTimeout,
    BodyTimeout,
    IdleTimeout,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T: PartialEq> OneOrMany<T> {
    pub(super) fn contains(&self, value: &T) -> bool {
        match self {
            Self::One(one) => one == value,
            Self::Many(many) => many.contains(value),
        }
    }
}
