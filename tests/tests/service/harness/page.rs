//! A page in a real browser, driven through `ChromeDriver`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::service::send;
use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::workspace;

/// How long a page may take to show what is waited for. Chromium is slow while other tests use all cores.
const RESPONSE_LIMIT: Duration = Duration::from_mins(1);

/// How an element's id is called (`WebDriver`, 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A page of a browser of our own, with nothing of any other browser in it.
pub(crate) struct Page {
    driver: SocketAddr,
    session: String,
    _process: Child,
    _profile: tempfile::TempDir,
}

impl Page {
    pub(crate) async fn open(url: &str) -> Self {
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
    pub(crate) async fn command(&self, path: &str, parameters: &Value) -> Value {
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

    pub(crate) async fn find(&self, selector: &str) -> String {
        let found = self
            .command(
                "/element",
                &json!({ "using": "css selector", "value": selector }),
            )
            .await;
        format!("/element/{}", found[ELEMENT].as_str().expect("an element"))
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.command(&format!("{element}/click"), &json!({})).await;
    }

    pub(crate) async fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.command(&format!("{element}/value"), &json!({ "text": text }))
            .await;
    }

    pub(crate) async fn text(&self, selector: &str) -> String {
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

    pub(crate) async fn count(&self, selector: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length";
        let count = self
            .command(
                "/execute/sync",
                &json!({ "script": script, "args": [selector] }),
            )
            .await;
        count.as_u64().expect("a number")
    }

    /// Where the page is.
    pub(crate) async fn url(&self) -> String {
        let script = json!({ "script": "return location.href", "args": [] });
        let url = self.command("/execute/sync", &script).await;
        url.as_str().expect("a URL").to_owned()
    }

    /// Keeps a picture of the page in the folder of the builds.
    pub(crate) async fn keep_screenshot(&self, name: &str) -> PathBuf {
        let request = TestRequest::get(&format!("/session{}/screenshot", self.session))
            .with_header("Host", "localhost");
        let picture = send(self.driver, &request).await.json()["value"].clone();
        let picture = base64::engine::general_purpose::STANDARD
            .decode(picture.as_str().expect("a picture"))
            .expect("Base64");
        let folder = workspace::target().join("tests/screenshots");
        fs::create_dir_all(&folder).expect("a folder that can be written");
        let file = folder.join(format!("{name}.png"));
        fs::write(&file, picture).expect("a folder that can be written");
        file
    }

    pub(crate) async fn close(self) {
        let request = TestRequest::get(&format!("/session{}", self.session))
            .with_method("DELETE")
            .with_header("Host", "localhost");
        assert_eq!(send(self.driver, &request).await.status, 200);
    }
}
