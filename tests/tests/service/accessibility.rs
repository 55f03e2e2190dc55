//! The reference page under the rules of axe-core, in a real browser.

use serde_json::json;

use crate::harness::page::Page;
use crate::harness::service::Service;

/// What axe-core finds on a page, as `impact id: nodes`.
async fn accessibility_findings(page: &Page) -> Vec<String> {
    const AXE: &str = "../client/typescript/node_modules/axe-core/axe.min.js";
    let axe = std::fs::read_to_string(AXE).expect("`npm ci` in client/typescript has installed it");
    let script = "const done = arguments[arguments.length - 1]; axe.run(document).then(done);";
    let parameters = json!({ "script": format!("{axe};{script}"), "args": [] });
    let result = page.command("/execute/async", &parameters).await;
    let passes = result["passes"].as_array().expect("rules that hold");
    assert!(passes.len() > 10, "{passes:?}");
    let violations = result["violations"].as_array().expect("a list").iter();
    let found = violations.map(|found| {
        let nodes = found["nodes"].as_array().into_iter().flatten();
        let nodes: Vec<_> = nodes.map(|node| node["html"].to_string()).collect();
        format!("{} {}: {}", found["impact"], found["id"], nodes.join(" "))
    });
    found.collect()
}

#[tokio::test]
#[ignore = "needs Chromium and Node; `cargo xtask ci` runs it where there are both"]
async fn accessibility_of_the_reference_page() {
    let service = Service::start().await;
    let page = Page::open(&format!("http://{}/docs/reference", service.api())).await;
    let title = page.text("title").await;
    let findings = accessibility_findings(&page).await;
    page.close().await;
    assert!(title.starts_with("Billing portal API"), "{title}");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
