//! Every case of `corpora/return_urls.json` over HTTP: refused by name before Stripe is called, or sent to Stripe in
//! the parser's own spelling.

use serde::Deserialize;

use crate::harness::service::Service;
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

#[tokio::test]
async fn every_return_url_of_the_corpus_is_accepted_or_refused() {
    let cases = corpus();
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
        .ask(&TestRequest::portal(service.key(), &case.url))
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

#[tokio::test]
async fn each_rule_of_return_urls_has_its_own_error_text() {
    let service = Service::start().await;
    let long = format!("https://app.example.com/{}", "a".repeat(2048));
    #[rustfmt::skip]
    let rows = [
        ("{}".to_owned(), "is required"),
        (r#"{"return_url":null}"#.to_owned(), "must be a string"),
        (r#"{"return_url":["https://app.example.com"]}"#.to_owned(), "must be a string"),
        (r#"{"return_url":""}"#.to_owned(), "must not be empty"),
        (format!(r#"{{"return_url":"{long}"}}"#), "must be at most 2048 characters"),
        (r#"{"return_url":"https://app.example.com/a b"}"#.to_owned(), "must not contain white space, control or invisible characters, or backslashes"),
        (r#"{"return_url":"https://app.example.com/100%"}"#.to_owned(), "must have two hexadecimal digits after every %"),
        (r#"{"return_url":"http://app.example.com/"}"#.to_owned(), "must begin with https://"),
        (r#"{"return_url":"https://app.example.com:x/"}"#.to_owned(), "must be a valid URL"),
        (r#"{"return_url":"https://me@app.example.com/"}"#.to_owned(), "must not contain a user name or password"),
        (r#"{"return_url":"https://app.example.org/"}"#.to_owned(), "scheme, host and port must match an entry of the return-URL allow-list"),
        (r#"{"return_url":"https://app.example.com:0443/"}"#.to_owned(), "host and port must be written exactly as on the return-URL allow-list"),
    ];
    for (body, problem) in rows {
        let ask = TestRequest::portal(service.key(), "").with_body(body);
        service
            .ask(&ask)
            .await
            .assert_invalid("return_url", problem);
    }
    assert!(
        service.sessions().is_empty(),
        "Stripe is not called for what we refuse"
    );
}
