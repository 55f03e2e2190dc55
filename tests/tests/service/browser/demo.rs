//! The demo, clicked through: from the shop's button to the portal and back.

use std::fs;

use billing_portal_tests::deployment::{Deployment, Options};
use billing_portal_tests::shop::Shop;

use crate::harness::page::Page;

#[tokio::test]
#[ignore = "needs Chromium; `cargo xtask ci` runs it where there is one"]
async fn the_demo_leads_from_the_shop_to_the_portal_and_back() {
    let shop = Shop::listen(0).await.expect("a free port");
    let origin = shop.origin().expect("an address");
    let session_url = shop.session_url().expect("an address");
    let settings = [
        ("RETURN_URL_ALLOW_LIST", origin.as_str()),
        ("STRIPE_PORTAL_HOSTS", "localhost"),
        ("SHUTDOWN_DELAY_SECONDS", "0"),
    ];
    let options = Options {
        settings: &settings,
        session_url: Some(&session_url),
        is_quiet: true,
        ..Options::default()
    };
    let deployment = Deployment::start(options).await.expect("the demo starts");
    let _serving = shop.open(&deployment).expect("an address");

    let page = Page::open(&origin).await;
    page.click("#newcomer").await;
    let note = page.text("#note").await;
    assert!(note.contains("subscribe first"), "{note}");

    page.click("#acme").await;
    page.find("#back").await;
    assert!(page.url().await.starts_with(&session_url));
    for (feature, is_on) in [
        ("payment_method_update", true),
        ("invoice_history", true),
        ("customer_update", true),
        ("subscription_update", false),
        ("subscription_pause", false),
        ("subscription_cancel", false),
    ] {
        let state = page.text(&format!("#{feature}")).await;
        assert_eq!(state.ends_with("yes"), is_on, "{feature}: {state}");
    }
    let picture = page.keep_screenshot("portal").await;
    let picture = fs::read(picture).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG"), "a picture");

    page.click("#back").await;
    let note = page.text("#note").await;
    assert!(note.contains("back from the portal"), "{note}");
    assert_eq!(page.url().await, format!("{origin}/billing"));
    page.close().await;
    let log = deployment.log().expect("the log");
    // The audit is always there.
    for level in [" WARN ", " ERROR "] {
        assert!(!log.contains(level), "nothing is unusual: {log}");
    }
    assert!(deployment.stop().await.expect("it ends").success());
}
