//! The reference page: complete, readable without scripts, and without requests to others.

use regex::Regex;

use crate::harness::contract;
use crate::harness::service::{Service, send};
use billing_portal_tests::contract::tree::{entries, items};
use billing_portal_tests::http_message::TestRequest;

async fn page() -> String {
    let service = Service::start().await;
    let answer = send(service.api(), &TestRequest::get("/docs/reference")).await;
    assert_eq!(answer.status, 200);
    answer.assert_header("content-type", "text/html; charset=utf-8");
    answer.text().to_owned()
}

/// As the page writes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[tokio::test]
async fn reference_has_every_operation_with_samples_in_three_languages() {
    let page = page().await;
    for operation in contract::contract().operations() {
        let id = operation.value["operationId"].as_str().expect("an id");
        assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        let samples: Vec<_> = items(&operation.value["x-codeSamples"]).collect();
        let languages: Vec<_> = samples.iter().map(|one| one["lang"].as_str()).collect();
        assert_eq!(languages, ["curl", "Rust", "TypeScript"].map(Some), "{id}");
        for sample in samples {
            let source = sample["source"].as_str().expect("a text");
            assert!(page.contains(&escaped(source)), "{source}");
        }
        let fields = entries(&operation.request_schema()["properties"]);
        let parameters = items(&operation.value["parameters"]);
        let parameters = parameters.filter_map(|parameter| parameter["name"].as_str());
        for name in fields.map(|(name, _)| name).chain(parameters) {
            let row = format!("<th scope=\"row\"><code>{name}</code></th>");
            assert!(page.contains(&row), "{name}");
        }
    }
}

#[tokio::test]
async fn reference_has_an_anchor_an_example_and_what_to_do_for_every_error() {
    let page = page().await;
    for code in contract::contract().listed_codes() {
        let start = page.find(&format!("<article id=\"{code}\""));
        let article = &page[start.expect("an anchor")..];
        let (article, _) = article.split_once("</article>").expect("its end");
        let (_, message) = {
            let (status, _, message) = billing_portal_tests::response_assertions::error(code);
            assert!(
                article.contains(&format!("<small>{status}</small>")),
                "{code}"
            );
            (status, message)
        };
        for part in [
            "<h4>When</h4>",
            "<h4>What to do</h4>",
            &format!("&quot;code&quot;: &quot;{code}&quot;"),
            &format!("&quot;message&quot;: &quot;{message}&quot;"),
        ] {
            assert!(article.contains(part), "{code} lacks {part}");
        }
        let todo = article.split_once("<h4>What to do</h4>").expect("a part").1;
        let (todo, _) = todo.split_once("</p>").expect("a paragraph");
        assert!(todo.len() > 30, "{code}: {todo}");
    }
}

#[tokio::test]
async fn reference_runs_no_script_and_requests_nothing_from_others() {
    let page = page().await;
    assert!(!page.contains("<script") && !page.contains("@import"));
    let links = Regex::new(r#"(?:href|src|action)="([^"]*)""#).expect("a pattern");
    let mut ids = Vec::new();
    for link in links.captures_iter(&page).map(|found| found[1].to_owned()) {
        match link.strip_prefix('#') {
            Some(id) => ids.push(id.to_owned()),
            None => assert!(!link.contains(':') && !link.starts_with('/'), "{link}"),
        }
    }
    assert!(ids.len() > 20);
    for id in ids {
        assert!(
            page.contains(&format!("id=\"{id}\"")),
            "#{id} leads nowhere"
        );
    }
}
