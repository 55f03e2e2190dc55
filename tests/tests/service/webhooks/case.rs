//! The cases of `corpora/webhook_cases.json` as values. A field that is not known here is an error, so that nothing in
//! the corpus is silently not checked.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) request: Request,
    pub(super) expect: Expectation,
    pub(super) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) content_type: String,
    pub(super) authorization: Option<String>,
    pub(super) sig: Signatures,
    pub(super) event: String,
    pub(super) body: Option<String>,
    pub(super) body_bytes: Option<usize>,
    pub(super) tamper: Option<String>,
    pub(super) fault: Option<String>,
    pub(super) repeat: usize,
    pub(super) concurrent: usize,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            content_type: "application/json; charset=utf-8".to_owned(),
            authorization: None,
            sig: Signatures::None,
            event: "new".to_owned(),
            body: None,
            body_bytes: None,
            tamper: None,
            fault: None,
            repeat: 1,
            concurrent: 1,
        }
    }
}

/// The `Stripe-Signature` headers.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Signatures {
    None,
    Raw(String),
    One(Signature),
    Many(Vec<Signature>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    pub(super) t: Option<String>,
    #[serde(default)]
    pub(super) v1: Vec<String>,
    #[serde(default)]
    pub(super) v0: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// None: nobody reads the answer.
    pub(super) status: Option<u16>,
    pub(super) effect: String,
}
