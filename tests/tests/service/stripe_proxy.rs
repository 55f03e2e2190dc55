//! `stripe_proxy`: every call to Stripe goes through this proxy, and its credentials go to the proxy alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::{Duration, sleep};

use crate::harness::command;
use crate::harness::connect_proxy::{ConnectProxy, Manner};
use crate::harness::deployment::Deployment;
use crate::harness::faulty_stripe::FaultyStripe;
use crate::harness::log::{self, Log};
use crate::harness::process::Process;
use crate::harness::service::{Service, send};

/// The user and the password as they are written in the setting, and as the proxy gets them.
const CREDENTIALS: &str = "us%40er:s3cr%3At";
const DECODED: &str = "us@er:s3cr:t";

/// Only the proxy looks this name up.
const STRIPE: &str = "https://stripe.invalid";
/// Without TLS there is no tunnel: the proxy gets the call itself.
const WITHOUT_TLS: &str = "http://127.0.0.1:12111";

/// No form of the credentials is in the text.
fn assert_no_credentials(text: &str) {
    let encoded = STANDARD.encode(DECODED);
    for form in [CREDENTIALS, DECODED, "s3cr", encoded.as_str()] {
        assert!(!text.contains(form), "{form} is in {text}");
    }
}

#[tokio::test]
async fn stripe_proxy_gets_its_credentials_and_only_a_tunnel() {
    let faulty = FaultyStripe::start().await;
    let front = faulty.encrypted().await;
    let service = Service::builder().stripe(&faulty.simulated).start().await;
    let authority = front.authority().display().to_string();
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("proxy");
    for credentials in [Some(CREDENTIALS), Some("user:"), None] {
        let proxy = ConnectProxy::start(Manner::Open).await;
        let ignored = ConnectProxy::start(Manner::Open).await;
        let user = credentials
            .map(|user| format!("{user}@"))
            .unwrap_or_default();
        let url = format!("http://{user}{}", proxy.address);
        std::fs::write(&file, format!("{url}\n")).expect("the file can be written");
        let path = file.display().to_string();
        let inline = credentials.is_none();
        let setting = if inline {
            ("STRIPE_PROXY", url.as_str())
        } else {
            ("STRIPE_PROXY_FILE", path.as_str())
        };
        let settings = [
            ("STRIPE_API_BASE", front.api_base.as_str()),
            setting,
            ("LOG", "trace"),
        ];
        let other = format!("http://{}", ignored.address);
        let environment = [
            ("SSL_CERT_FILE", authority.as_str()),
            ("HTTPS_PROXY", &other),
            ("https_proxy", &other),
            ("ALL_PROXY", &other),
            ("HTTP_PROXY", &other),
        ];
        faulty.simulated.forget_received();
        let process = Process::in_environment(&service, &settings, &environment).await;
        let request = TestRequest::portal(service.key(), RETURN_URL);
        assert_eq!(send(process.api, &request).await.status, 200);
        process.terminate().await;
        let (_, output) = process.end().await;
        assert_no_credentials(&output);

        let target = front.api_base.replace("https://", "");
        let decoded = match credentials {
            Some(CREDENTIALS) => Some(DECODED),
            other => other,
        };
        let expected = decoded.map(|decoded| format!("Basic {}", STANDARD.encode(decoded)));
        let requests = proxy.requests();
        assert!(!requests.is_empty());
        for request in &requests {
            assert_eq!(
                (request.method.as_str(), &request.path),
                ("CONNECT", &target)
            );
            assert_eq!(request.header("proxy-authorization"), expected.as_deref());
            assert_eq!(request.header("authorization"), None, "Stripe's secret");
        }
        let received = faulty.simulated.received();
        assert!(received.iter().any(|call| call.path.ends_with("/sessions")));
        assert!(
            received
                .iter()
                .all(|call| call.header("proxy-authorization").is_none())
        );
        assert!(ignored.requests().is_empty(), "the environment's proxy");
    }
}

/// Starts a service with this proxy, waits for its first failed call, and returns the cause and the log.
fn fail_through(
    api_base: &str,
    proxy: impl Future<Output = (String, Option<ConnectProxy>)>,
) -> (String, Vec<Value>) {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let cause = log.record(|| {
        runtime.block_on(async {
            let (address, _kept) = proxy.await;
            let service = Service::builder()
                .api_base(api_base)
                .set("STRIPE_PROXY", &format!("http://{CREDENTIALS}@{address}"))
                .start_unverified()
                .await;
            let answer = service.create_portal_session(RETURN_URL).await;
            answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
            let cause = first_failure(&service).await;
            assert_eq!(service.stripe.calls(), 0);
            let doctor = service.command(&["doctor", "--json"]).await;
            assert!(doctor.stdout.contains(&cause), "{}", doctor.stdout);
            assert!(doctor.stdout.contains("stripe_proxy"), "{}", doctor.stdout);
            let shown = service.command(&["config", "show"]).await;
            for text in [
                doctor.stdout,
                doctor.stderr,
                shown.stdout,
                answer.text().to_owned(),
            ] {
                assert_no_credentials(&text);
            }
            cause
        })
    });
    assert_no_credentials(&log.text());
    (cause, log::lines(&log.text()))
}

/// The cause of the first call for the configuration that failed.
async fn first_failure(service: &Service) -> String {
    loop {
        let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
        let failed = metrics.text().lines().find_map(|line| {
            let labels = line.strip_prefix("billing_portal_stripe_calls_total{cause=\"")?;
            let (cause, rest) = labels.split_once('"')?;
            let wanted = ["endpoint=\"configurations\"", "outcome=\"failed\""];
            let found = wanted.iter().all(|label| rest.contains(label));
            found.then(|| cause.to_owned())
        });
        match failed {
            Some(cause) => return cause,
            None => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn manner(manner: Manner) -> (String, Option<ConnectProxy>) {
    let proxy = ConnectProxy::start(manner).await;
    (proxy.address.to_string(), Some(proxy))
}

fn event<'a>(lines: &'a [Value], name: &str) -> &'a Value {
    let line = lines.iter().find(|line| line["event"] == name);
    line.unwrap_or_else(|| panic!("{name} is logged"))
}

#[test]
fn stripe_proxy_that_refuses_the_credentials_is_the_cause() {
    let plain = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    let challenge =
        "HTTP/1.1 407 \r\nProxy-Authenticate: Basic realm=\"p\"\r\nConnection: close\r\n\r\n";
    let rows = [
        (STRIPE, plain),
        (STRIPE, challenge),
        (STRIPE, "HTTP/1.0 407 no\r\n\r\n"),
        (WITHOUT_TLS, plain),
        (WITHOUT_TLS, challenge),
    ];
    for (api_base, answer) in rows {
        let (cause, lines) = fail_through(api_base, manner(Manner::Answer(answer)));
        assert_eq!(cause, "proxy_credentials_refused", "{api_base} {answer}");
        let alert = event(&lines, "stripe_proxy_credentials_refused");
        assert_eq!(alert["alert"], true, "{api_base} {answer}");
        let retries = lines.iter().filter(|line| line["event"] == "stripe_retry");
        assert_eq!(retries.count(), 0, "{api_base} {answer}");
    }
}

#[test]
fn stripe_proxy_that_opens_no_tunnel_is_the_cause() {
    let refused = [
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
    ];
    for answer in refused {
        let (cause, lines) = fail_through(STRIPE, manner(Manner::Answer(answer)));
        assert_eq!(cause, "proxy_unavailable", "{answer}");
        let logged = event(&lines, "stripe_proxy_unavailable");
        assert_eq!(logged["reason"], "tunnel_refused", "{answer}");
    }
}

#[test]
fn stripe_proxy_that_cannot_be_reached_is_the_cause() {
    let closed = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        (listener.local_addr().expect("an address").to_string(), None)
    };
    let (cause, lines) = fail_through(STRIPE, closed);
    let logged = event(&lines, "stripe_proxy_unavailable");
    assert_eq!(
        (cause.as_str(), &logged["reason"]),
        ("proxy_unavailable", &Value::from("connect"))
    );

    let unknown = async { ("proxy.invalid:3128".to_owned(), None) };
    let (cause, lines) = fail_through(STRIPE, unknown);
    let logged = event(&lines, "stripe_proxy_unavailable");
    assert_eq!(
        (cause.as_str(), &logged["reason"]),
        ("proxy_unavailable", &Value::from("dns"))
    );

    let (cause, lines) = fail_through(STRIPE, manner(Manner::Silent));
    let logged = event(&lines, "stripe_proxy_unavailable");
    assert_eq!(
        (cause.as_str(), &logged["reason"]),
        ("proxy_unavailable", &Value::from("connect_timeout"))
    );
}

#[tokio::test]
async fn stripe_proxy_must_be_an_http_url_and_is_never_shown() {
    let deployment = Deployment::new().await;
    for wrong in [
        format!("https://{CREDENTIALS}@proxy.example.com"),
        format!("socks5://{CREDENTIALS}@proxy.example.com:1080"),
        format!("http://{CREDENTIALS}@proxy.example.com/path"),
        format!("http://{CREDENTIALS}@proxy.example.com/?x=1"),
        format!("{CREDENTIALS}@proxy.example.com:3128"),
        format!("http://{CREDENTIALS}@proxy example.com"),
        format!("http://{CREDENTIALS}@"),
        format!("'http://{CREDENTIALS}@proxy.example.com'"),
    ] {
        let mut variables = deployment.variables();
        variables.push(("BILLING_PORTAL_STRIPE_PROXY".to_owned(), wrong.clone()));
        let outcome = command::run(&["config", "check"], &variables).await;
        let text = outcome.stdout + &outcome.stderr;
        assert_eq!(outcome.code, 1, "{wrong}");
        let problem = "stripe_proxy: must be the http URL of a proxy without a path, such as";
        assert!(text.contains(problem), "{wrong}: {text}");
        assert_no_credentials(&text);
    }
    for good in [
        "http://proxy:3128",
        "http://[::1]:8080/",
        "http://u:p@10.0.0.1:3128",
        "",
    ] {
        let mut variables = deployment.variables();
        variables.push(("BILLING_PORTAL_STRIPE_PROXY".to_owned(), good.to_owned()));
        let outcome = command::run(&["config", "check"], &variables).await;
        assert_eq!(
            outcome.code, 0,
            "{good}: {}{}",
            outcome.stdout, outcome.stderr
        );
    }
}
