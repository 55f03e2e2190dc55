//! The cases of `corpora/stripe_faults.json` as values. A field that is not known here is an error, so that nothing in
//! the corpus is silently not checked.

use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::harness::faulty_stripe::step::{Kind, Step};

/// The customer that every case is about.
pub(super) const CUSTOMER: &str = "cus_TESTcustomer1";

/// The portal configuration of the sessions in the corpus.
pub(super) const CONFIGURATION: &str = "bpc_1Test";

/// Every case of the corpus.
pub(super) fn corpus() -> Vec<Case> {
    #[derive(Deserialize)]
    struct Corpus {
        cases: Vec<Case>,
    }
    let corpus = include_str!("../../../corpora/stripe_faults.json");
    serde_json::from_str::<Corpus>(corpus)
        .expect("the corpus")
        .cases
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) scenario: Scenario,
    /// Each with the fields of the first step that differ.
    #[serde(default)]
    variants: Vec<Map<String, Value>>,
    seconds: Option<u64>,
    deviation: Option<Deviation>,
    upstream: Vec<Value>,
    pub(super) expect: Expectation,
    pub(super) retried: String,
    /// One line of the log: its level, its event, and further fields that it has.
    pub(super) log: Map<String, Value>,
    pub(super) why: String,
    #[serde(rename = "source")]
    _source: Option<String>,
}

/// What happens in a case.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scenario {
    /// One caller calls once.
    #[default]
    OneCall,
    ManyCustomersMissing,
    RateLimited,
    RateLimitedForADay,
    RateExceeded,
    Breaker,
    RetryBudget,
    DoesNotStart,
    CallerDisconnects,
    Shutdown,
    ConcurrencyExceeded,
    SameCallerTwice,
}

/// Where the log differs from what the case says.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    log: Map<String, Value>,
    #[serde(rename = "why")]
    _why: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// A number, or a sentence that a scenario plays.
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
    /// A sentence that a scenario plays.
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
    Sentence(String),
}

impl Expectation {
    pub(super) fn status(&self) -> Option<u16> {
        self.status.as_u64()?.try_into().ok()
    }

    /// How many attempts there may be, unless the corpus says it in a sentence.
    pub(super) fn attempts(&self) -> Option<RangeInclusive<usize>> {
        let sentence = match &self.attempts {
            Attempts::Exactly(count) => return Some(*count..=*count),
            Attempts::Sentence(sentence) => sentence,
        };
        let (first, last) = sentence
            .split_once(" or ")
            .or_else(|| sentence.split_once(" to "))?;
        Some(first.parse().ok()?..=last.parse().ok()?)
    }
}

impl Case {
    /// Whether the case says nothing beyond what one caller who calls once can show.
    pub(super) fn is_one_call(&self) -> bool {
        let expect = &self.expect;
        let sentences = [&expect.afterwards, &expect.process, &expect.answer];
        let is_of_one = |step: &Step| step.requests.is_none() && step.kind != Kind::NotCalled;
        sentences.iter().all(|sentence| sentence.is_none())
            && expect.status().is_some()
            && expect.attempts().is_some()
            && self.steps().iter().all(is_of_one)
    }

    /// What Stripe does, attempt by attempt.
    pub(super) fn steps(&self) -> Vec<Step> {
        let steps = self.upstream.iter().cloned();
        steps
            .map(|step| serde_json::from_value(step).expect("a step of the corpus"))
            .collect()
    }

    /// Whether the service reaches Stripe through an encrypted connection.
    pub(super) fn is_encrypted(&self) -> bool {
        self.steps().iter().any(|step| step.kind.is_of_tls())
    }

    /// Whether the fault needs a connection that has served a call before.
    pub(super) fn reuses_a_connection(&self) -> bool {
        let mut steps = self.steps().into_iter();
        steps.any(|step| step.kind == Kind::CloseOnReuse)
    }

    /// The case as often as it is played, with the first step of each variant.
    pub(super) fn variants(&self) -> Vec<Self> {
        if self.variants.is_empty() {
            return vec![self.clone()];
        }
        let variant = |fields: &Map<String, Value>| {
            let mut case = self.clone();
            for (name, value) in fields {
                case.upstream[0][name] = value.clone();
            }
            case
        };
        self.variants.iter().map(variant).collect()
    }

    /// About how many seconds the case takes.
    pub(super) fn seconds(&self) -> u64 {
        let within = self.expect.answered_within_ms.unwrap_or(0) / 1000;
        self.seconds.unwrap_or(within)
    }

    /// What a field of the log has instead of what the case says, if it deviates.
    pub(super) fn deviation(&self, field: &str) -> Option<&Value> {
        self.deviation.as_ref()?.log.get(field)
    }
}
