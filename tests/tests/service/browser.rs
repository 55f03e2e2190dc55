//! Swagger UI in a real browser, driven through `ChromeDriver`: "Try it out" opens a portal, and operators see both
//! documents.

#[cfg(feature = "programs")]
mod demo;

use crate::harness::page::Page;
use crate::harness::prefix_proxy;
use crate::harness::service::Service;

#[tokio::test]
#[ignore = "needs Chromium; `cargo xtask ci` runs it where there is one"]
async fn try_it_out_opens_a_portal() {
    let service = Service::builder().environment("production").start().await;
    let page = Page::open(&format!("http://{}/docs/", service.api())).await;

    try_it_out(page, &service).await;
}

/// Gives the service's key to Swagger UI and presses its buttons, which opens a portal.
async fn try_it_out(page: Page, service: &Service) {
    page.click("button.authorize").await;
    page.write(".auth-container input", service.key()).await;
    page.click(".auth-btn-wrapper .authorize").await;
    page.click(".btn-done").await;
    // The operation is open; its second example has a flow.
    page.click(".examples-select option[value=card_form]").await;
    page.click("button.execute").await;
    let status = page
        .text(".live-responses-table tbody .response-col_status")
        .await;
    let body = page
        .text(".live-responses-table tbody .highlight-code")
        .await;
    page.close().await;

    assert!(status.starts_with("200"), "{status}");
    assert!(
        body.contains("https://billing.stripe.com/p/session/live_"),
        "{body}"
    );
    let sessions = service.sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!(
        sessions[0].field("flow_data[type]"),
        Some("payment_method_update")
    );
    assert_eq!(sessions[0].field("locale"), Some("de"));
}

#[tokio::test]
#[ignore = "needs Chromium; `cargo xtask ci` runs it where there is one"]
async fn s10_try_it_out_opens_a_portal_behind_a_proxy_that_strips_a_prefix() {
    for (prefix, path) in [
        ("/billing", "/docs"),
        ("/billing", "/docs/"),
        ("/a/b", "/docs"),
    ] {
        let service = Service::builder().environment("production").start().await;
        let proxy = prefix_proxy::start(service.api(), prefix).await;
        let page = Page::open(&format!("http://{proxy}{prefix}{path}")).await;
        try_it_out(page, &service).await;
    }
}

#[tokio::test]
#[ignore = "needs Chromium; `cargo xtask ci` runs it where there is one"]
async fn s10_the_operations_port_can_be_tried_behind_a_proxy_that_strips_a_prefix() {
    let service = Service::start().await;
    let proxy = prefix_proxy::start(service.operations(), "/billing").await;
    let page = Page::open(&format!("http://{proxy}/billing/docs")).await;
    let readiness = "#operations-Operations-readiness";
    page.click(&format!("{readiness} .opblock-summary-control"))
        .await;
    page.click(&format!("{readiness} button.execute")).await;
    let selector = format!("{readiness} .live-responses-table .highlight-code");
    let answer = page.text(&selector).await;
    page.close().await;
    assert!(answer.contains("portal_configuration_verified"), "{answer}");
}

#[tokio::test]
#[ignore = "needs Chromium; `cargo xtask ci` runs it where there is one"]
async fn the_operations_port_shows_both_documents() {
    let service = Service::start().await;
    let page = Page::open(&format!("http://{}/docs/", service.operations())).await;

    let titles = page.text(".download-url-wrapper select").await;
    page.click("#operations-Operations-readiness .opblock-summary-control")
        .await;
    page.click("#operations-Operations-readiness button.execute")
        .await;
    let answer = page
        .text("#operations-Operations-readiness .live-responses-table .highlight-code")
        .await;
    page.click("#operations-Webhooks-receive .opblock-summary-control")
        .await;
    let webhook = page.text("#operations-Webhooks-receive").await;
    let buttons = page
        .count("#operations-Webhooks-receive button.execute")
        .await;
    page.close().await;

    assert_eq!(titles, "Billing portal: operationsBilling portal");
    assert!(answer.contains("portal_configuration_verified"), "{answer}");
    assert!(webhook.contains("Stripe-Signature"), "{webhook}");
    assert_eq!(buttons, 0, "what writes cannot be tried here");
}
