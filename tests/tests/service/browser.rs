//! Swagger UI in a real browser, driven through `ChromeDriver`: "Try it out" opens a portal, and operators see both
//! documents.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::harness::prefix_proxy;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::TestRequest;

/// How long a page may take to show what is waited for.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

/// How an element's id is called (`WebDriver`, 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A page of a browser of our own, with nothing of any other browser in it.
struct Page {
    driver: SocketAddr,
    session: String,
    _process: Child,
    _profile: tempfile::TempDir,
}

impl Page {
    async fn open(url: &str) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
        let driver = free.expect("a free port");
        let process = Command::new("chromedriver")
            .arg(format!("--port={}", driver.port()))
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("ChromeDriver is installed");
        let profile = tempfile::tempdir().expect("a directory");
        let up = async {
            while TcpStream::connect(driver).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(RESPONSE_LIMIT, up)
            .await
            .expect("ChromeDriver starts");
        let arguments = json!([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--window-size=1200,2000",
            format!("--user-data-dir={}", profile.path().display()),
        ]);
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": arguments } } } });
        let mut page = Self {
            driver,
            session: String::new(),
            _process: process,
            _profile: profile,
        };
        let session = page.command("", &wanted).await;
        page.session = format!("/{}", session["sessionId"].as_str().expect("a session"));
        page.command("/url", &json!({ "url": url })).await;
        page
    }

    /// A `WebDriver` command; a page that is not there yet is waited for.
    async fn command(&self, path: &str, parameters: &Value) -> Value {
        let request = TestRequest::get(&format!("/session{}{path}", self.session))
            .with_method("POST")
            .with_header("Host", "localhost")
            .with_header("Content-Type", "application/json")
            .with_body(parameters.to_string());
        let found = async {
            loop {
                let answer = send(self.driver, &request).await;
                if answer.status == 200 {
                    return answer.json()["value"].clone();
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(RESPONSE_LIMIT, found)
            .await
            .unwrap_or_else(|_| panic!("{path} {parameters} in time"))
    }

    async fn find(&self, selector: &str) -> String {
        let found = self
            .command(
                "/element",
                &json!({ "using": "css selector", "value": selector }),
            )
            .await;
        format!("/element/{}", found[ELEMENT].as_str().expect("an element"))
    }

    async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.command(&format!("{element}/click"), &json!({})).await;
    }

    async fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.command(&format!("{element}/value"), &json!({ "text": text }))
            .await;
    }

    async fn text(&self, selector: &str) -> String {
        self.find(selector).await;
        let script = "return document.querySelector(arguments[0]).textContent";
        let text = self
            .command(
                "/execute/sync",
                &json!({ "script": script, "args": [selector] }),
            )
            .await;
        text.as_str().expect("text").to_owned()
    }

    async fn count(&self, selector: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length";
        let count = self
            .command(
                "/execute/sync",
                &json!({ "script": script, "args": [selector] }),
            )
            .await;
        count.as_u64().expect("a number")
    }

    async fn close(self) {
        let request = TestRequest::get(&format!("/session{}", self.session))
            .with_method("DELETE")
            .with_header("Host", "localhost");
        assert_eq!(send(self.driver, &request).await.status, 200);
    }
}

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
    page.click(".opblock-summary-control").await;
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
    assert_eq!(service.sessions().len(), 1);
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
