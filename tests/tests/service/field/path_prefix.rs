//! Behind a proxy that puts a path before ours and takes it off again: every link that is served leads back through it.

use std::net::SocketAddr;

use regex::Regex;
use url::Url;

use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};

const PREFIXES: [&str; 4] = ["", "/billing", "/a/b/c", "/docs"];

/// What a browser sees of one port through a proxy that takes a prefix off the path.
struct Proxy {
    port: SocketAddr,
    prefix: &'static str,
}

impl Proxy {
    fn url(&self, path: &str) -> Url {
        let url = format!("https://example.com{}{path}", self.prefix);
        url.parse().expect("a URL")
    }

    /// Forwards a request for this URL.
    async fn forward(&self, url: &Url, request: &TestRequest) -> TestResponse {
        assert_eq!(url.host_str(), Some("example.com"), "{url}");
        let path = url.path().strip_prefix(self.prefix);
        let path = path.unwrap_or_else(|| panic!("{url} is behind {}", self.prefix));
        send(self.port, &request.clone().with_path(path)).await
    }

    /// Opens a page as a browser does; answers where it came to, and the page.
    async fn open(&self, path: &str) -> (Url, TestResponse) {
        let url = self.url(path);
        let answer = self.forward(&url, &TestRequest::get("")).await;
        match answer.header("location") {
            Some(location) => {
                let url = url.join(location).expect("a link");
                let page = self.forward(&url, &TestRequest::get("")).await;
                (url, page)
            }
            None => (url, answer),
        }
    }

    /// Loads every file that the page names; answers the documents that its script opens.
    async fn documents(&self, page: &(Url, TestResponse)) -> Vec<Url> {
        let (url, page) = page;
        assert_eq!(page.status, 200, "{url}");
        let links = Regex::new(r#"(?:src|href)="([^"]+)""#).expect("a pattern");
        let opened = Regex::new(r#""?url"?: "([^"]+)""#).expect("a pattern");
        let mut found = Vec::new();
        let mut files = 0;
        for link in links.captures_iter(page.text()) {
            let file = url.join(&link[1]).expect("a link");
            let answer = self.forward(&file, &TestRequest::get("")).await;
            assert_eq!(answer.status, 200, "{file}");
            files += 1;
            let is_start = ["/start.js", "/operations.js"];
            if is_start.iter().any(|name| file.path().ends_with(name)) {
                found.extend(
                    opened
                        .captures_iter(answer.text())
                        .map(|link| url.join(&link[1]).expect("a link")),
                );
            }
        }
        assert!(files >= 5, "{files} files");
        found
    }
}

#[tokio::test]
async fn s10_try_it_out_opens_a_portal_behind_a_path_prefix() {
    let service = Service::start().await;
    let servers = Regex::new(r#"(?s)servers"?:.*?url"?: ?"?([^",\s]+)"#).expect("a pattern");
    for prefix in PREFIXES {
        let proxy = Proxy {
            port: service.api(),
            prefix,
        };
        for path in ["/docs", "/docs/"] {
            let page = proxy.open(path).await;
            assert_eq!(page.0, proxy.url("/docs/"));
            let documents = proxy.documents(&page).await;
            assert_eq!(documents, [proxy.url("/openapi.json")]);
        }
        for document in [proxy.url("/openapi.json"), proxy.url("/openapi.yaml")] {
            let answer = proxy.forward(&document, &TestRequest::get("")).await;
            let server = servers.captures(answer.text());
            let server = server.expect("a server");
            // Swagger UI resolves a server against the document, then takes the last slash off.
            let server = document.join(&server[1]).expect("a URL");
            let operation = format!(
                "{}/v1/billing/portal",
                server.as_str().trim_end_matches('/')
            );
            let operation = operation.parse().expect("a URL");
            let request = TestRequest::portal(service.key(), RETURN_URL);
            let answer = proxy.forward(&operation, &request).await;
            assert_eq!(answer.status, 200, "{operation}");
        }
    }
}

#[tokio::test]
async fn s10_the_operations_port_works_behind_a_path_prefix() {
    let service = Service::start().await;
    for prefix in PREFIXES {
        let proxy = Proxy {
            port: service.operations(),
            prefix,
        };
        let page = proxy.open("/docs").await;
        assert_eq!(page.0, proxy.url("/docs/"));
        let documents = proxy.documents(&page).await;
        let expected = ["/operations.json", "/openapi.json"].map(|path| proxy.url(path));
        assert_eq!(documents, expected);
        let document = proxy.forward(&documents[0], &TestRequest::get("")).await;
        let server = document.json()["servers"][0]["url"].clone();
        let server = documents[0].join(server.as_str().expect("a URL"));
        let server = server.expect("a URL");
        let health = format!("{}/healthz", server.as_str().trim_end_matches('/'));
        let health = health.parse().expect("a URL");
        let answer = proxy.forward(&health, &TestRequest::get("")).await;
        assert_eq!(answer.status, 200, "{health}");
    }
}
