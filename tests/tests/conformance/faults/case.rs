//! The cases of `corpora/stripe_faults.json` as values. A field that is not known here is an error, so that nothing in
//! the corpus is silently not checked.

use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::harness::faulty_stripe::step::{Kind, Step};

#[derive(Deserialize)]
pub(super) struct Corpus {
    pub(super) cases: Vec<Case>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) upstream: Vec<Step>,
    pub(super) expect: Expectation,
    pub(super) retried: String,
    /// One line of the log: its level, its event, and further fields that it has.
    pub(super) log: Map<String, Value>,
    pub(super) why: String,
    #[serde(rename = "source")]
    _source: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// A number, or words in a case that [`super::special`] plays.
    status: Value,
    pub(super) code: Option<String>,
    attempts: Attempts,
    #[serde(default)]
    pub(super) details: Vec<String>,
    pub(super) answered_within_ms: Option<u64>,
    #[serde(default)]
    pub(super) retry_after_header: bool,
    pub(super) evil_host_contacted: Option<bool>,
    pub(super) config: Option<Config>,
    /// Words, for [`super::special`] to fulfil.
    pub(super) afterwards: Option<String>,
    pub(super) process: Option<String>,
    pub(super) answer: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) portal_hosts: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Attempts {
    Exactly(usize),
    Words(String),
}

impl Expectation {
    pub(super) fn status(&self) -> Option<u16> {
        self.status.as_u64()?.try_into().ok()
    }

    /// How many tries there may be, unless the corpus says it in a sentence.
    pub(super) fn attempts(&self) -> Option<RangeInclusive<usize>> {
        let words = match &self.attempts {
            Attempts::Exactly(count) => return Some(*count..=*count),
            Attempts::Words(words) => words,
        };
        let (first, last) = words
            .split_once(" or ")
            .or_else(|| words.split_once(" to "))?;
        Some(first.parse().ok()?..=last.parse().ok()?)
    }
}

impl Case {
    /// Whether one caller who asks once is all that there is to the case.
    pub(super) fn is_ordinary(&self) -> bool {
        let expect = &self.expect;
        let words = [&expect.afterwards, &expect.process, &expect.answer];
        words.iter().all(|words| words.is_none())
            && expect.status().is_some()
            && expect.attempts().is_some()
            && self
                .upstream
                .iter()
                .all(|step| step.requests.is_none() && step.kind != Kind::NotCalled)
    }

    /// Whether the service reaches Stripe through an encrypted connection.
    pub(super) fn is_encrypted(&self) -> bool {
        self.upstream.iter().any(|step| step.kind.is_of_tls())
    }

    /// Whether a connection must be there already.
    pub(super) fn reuses_a_connection(&self) -> bool {
        let mut steps = self.upstream.iter();
        steps.any(|step| step.kind == Kind::CloseOnReuse)
    }

    /// The case, and where its name says more than its one step, the others that it means.
    pub(super) fn variants(self) -> Vec<Self> {
        let with = |change: &dyn Fn(&mut Step)| {
            let mut case = self.clone();
            change(&mut case.upstream[0]);
            case
        };
        let with_status = |status| with(&|step| step.status = Some(status));
        match self.id.as_str() {
            "bad_success-22" => {
                let unannounced = with(&|step| (step.chunked, step.chunk_bytes) = (true, 4096));
                vec![unannounced, self]
            }
            "request_error-17" => [405, 410, 415, 418].map(with_status).to_vec(),
            "server_error-13" => [529, 599].map(with_status).to_vec(),
            "limit-08" => ["soon", "Wed, 21 Oct 2065 07:28:00 GMT"]
                .map(|when| {
                    with(&|step| {
                        step.headers
                            .insert("Retry-After".to_owned(), when.to_owned());
                    })
                })
                .to_vec(),
            _ => vec![self],
        }
    }

    /// How long it takes, roughly, in seconds: the slow ones begin first.
    pub(super) fn duration(&self) -> u64 {
        match self.id.as_str() {
            "limit-07" => 30,
            "server_error-14" | "ours-03" => 12,
            "ours-01" | "ours-04" => 6,
            _ => self.expect.answered_within_ms.unwrap_or(0) / 1000,
        }
    }
}
