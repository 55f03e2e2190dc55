//! Every case of `corpora/return_urls.json` over HTTP: refused by name before Stripe is called, or sent to Stripe in
//! the parser's own spelling. `CASE=baseline-001 cargo nextest run return_url` plays one case.

mod properties;
mod rules;

use serde::Deserialize;

use crate::harness::service::Service;
use billing_portal_tests::corpus::selected;
use billing_portal_tests::http_message::TestRequest;

#[derive(Deserialize)]
struct Corpus {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    url: String,
    mode: String,
    expect: Expectation,
    canonical: Option<String>,
    why: String,
    #[serde(rename = "category")]
    _category: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Expectation {
    Accept,
    Reject,
}

fn corpus() -> Vec<Case> {
    let corpus = serde_json::from_str::<Corpus>(include_str!("../../corpora/return_urls.json"));
    corpus.expect("the corpus").cases
}

/// The return URLs that must pass; development accepts all that production does.
pub(crate) fn accepted() -> impl Iterator<Item = String> {
    let accepted = |case: &Case| case.expect == Expectation::Accept;
    corpus().into_iter().filter(accepted).map(|case| case.url)
}

/// Every return URL of the corpus.
pub(crate) fn all() -> impl Iterator<Item = String> {
    corpus().into_iter().map(|case| case.url)
}

#[tokio::test]
async fn every_return_url_of_the_corpus_is_accepted_or_refused() {
    let cases = selected(corpus(), |case| &case.id);
    let mut failures = Vec::new();
    for mode in ["production", "development"] {
        let service = Service::builder().environment(mode).start().await;
        for case in cases.iter().filter(|case| case.mode == mode) {
            service.stripe.forget_received();
            if let Err(problem) = check(&service, case).await {
                failures.push(format!(
                    "{} ({}): {problem}\n  {:?}",
                    case.id, case.why, case.url
                ));
            }
        }
    }
    println!(
        "{} of {} return URLs hold",
        cases.len() - failures.len(),
        cases.len()
    );
    assert!(
        cases
            .iter()
            .all(|case| ["production", "development"].contains(&case.mode.as_str()))
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

async fn check(service: &Service, case: &Case) -> Result<(), String> {
    let answer = service
        .send(&TestRequest::portal(service.key(), &case.url))
        .await;
    let sent = service.sessions();
    let sent: Vec<Option<&str>> = sent.iter().map(|call| call.field("return_url")).collect();
    match case.expect {
        Expectation::Accept if answer.status != 200 => {
            Err(format!("{} {}", answer.status, answer.text()))
        }
        Expectation::Accept if sent != [case.canonical.as_deref()] => {
            Err(format!("Stripe was sent {sent:?}"))
        }
        Expectation::Reject if !sent.is_empty() => Err("Stripe was called".to_owned()),
        Expectation::Reject => {
            let detail = answer.json()["error"]["details"]["return_url"].take();
            match (answer.status, detail.as_str()) {
                (422, Some(problem)) if !problem.is_empty() => Ok(()),
                (status, _) => Err(format!("{status} {}", answer.text())),
            }
        }
        Expectation::Accept => Ok(()),
    }
}
