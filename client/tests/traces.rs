//! What the SDK traces, and that nothing it prints or traces, at any level, contains the key or a portal's URL.
//!
//! A test binary of its own, because a subscriber must exist before an event is first reached anywhere in the process.
//! `tracing` decides once for the whole process whether an event is recorded, when the event is first reached. If another
//! test reaches it first, on a thread without a subscriber, no thread records it.

#[path = "sdk/replies.rs"]
mod replies;

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing_portal_client::test_util::API_KEY as KEY;
use billing_portal_client::{ApiKey, Client, Error};
use billing_portal_tests::http_server::{ScriptedReply, reply};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use replies::{PORTAL_URL, json, opened, refusal, serve, session};

const RETURN_URL: &str = "https://app.example.com/settings/billing";

/// Everything that was traced, on all threads.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no writer panics")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Output {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no writer panics")).into_owned()
    }
}

/// Every way in which a call can end, the success among them.
fn replies() -> Vec<ScriptedReply> {
    let whole = reply(200, "", &session(PORTAL_URL));
    vec![
        opened(),
        json(200, "", &session(PORTAL_URL).replace('}', "")),
        json(200, "", &session(&PORTAL_URL.replace("https", "http"))),
        refusal(503, "SERVICE_UNAVAILABLE", ""),
        refusal(422, "VALIDATION_FAILED", ""),
        ScriptedReply::Whole(reply(
            502,
            &format!("X-Echo: Bearer {KEY}\r\n"),
            &format!("Bearer {KEY} {PORTAL_URL}"),
        )),
        ScriptedReply::Whole(reply(307, &format!("Location: {PORTAL_URL}\r\n"), "")),
        ScriptedReply::Whole(whole[..whole.len() - 10].to_owned()),
        ScriptedReply::Stalled(whole[..whole.len() - 10].to_owned()),
        ScriptedReply::Reset(whole[..whole.len() - 10].to_owned()),
    ]
}

/// What the client prints about itself and about the end of each call.
async fn print_all() -> String {
    let mut printed = String::new();
    for reply in replies() {
        let server = serve([reply]).await;
        let client = Client::builder()
            .api_key(KEY)
            .base_url(server.base_url())
            .timeout(Duration::from_secs(1))
            .build()
            .expect("valid settings");
        let call = client.create_portal_session(RETURN_URL);
        writeln!(printed, "{client:?} {call:?}").expect("memory");
        match call.await {
            Ok(session) => writeln!(
                printed,
                "{session:?} {:?}",
                session.portal_url.clone().into_redirect()
            ),
            Err(error) => writeln!(printed, "{error} {error:?} {error:#?}"),
        }
        .expect("memory");
        assert!(
            server.requests()[0].header("authorization").is_some(),
            "the key was not sent"
        );
    }
    let key: ApiKey = KEY.parse().expect("a valid key");
    writeln!(
        printed,
        "{key:?} {:?}",
        Client::builder().api_key(key.clone())
    )
    .expect("memory");
    printed
}

/// What the client prints is checked with what it traces.
#[tokio::test]
async fn no_output_at_trace_level_holds_a_secret() {
    let output = Output::default();
    // Also receives what reqwest and rustls log through the `log` crate.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(output.clone())
        .with_ansi(false)
        .init();
    let printed = print_all().await;
    let traced = output.text();
    assert!(
        traced.contains("create_portal_session{attempt=1"),
        "nothing was traced: {traced}"
    );
    assert!(
        traced.contains("status=503 request_id=01JTBQH2FZ8K1RXC0WJ4Z9P3VM"),
        "{traced}"
    );
    assert!(traced.contains("retrying"), "{traced}");
    let secret = &KEY["am_test_".len()..];
    for secret in [secret, &secret[24..], "bps_test", "/p/session"] {
        assert!(!traced.contains(secret), "{secret} was traced: {traced}");
        assert!(!printed.contains(secret), "{secret} was printed: {printed}");
    }
}

/// The error about a wrong key does not contain the key.
#[test]
fn a_refused_key_is_not_shown() {
    for key in [
        &KEY[..40],
        "am_test_0000000000000000000000000000001EuB8v",
        "hunter2",
    ] {
        let error: Error = key.parse::<ApiKey>().expect_err("refused");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(key) && !shown.contains("0000"), "{shown}");
    }
}

#[test]
fn k4_plain_http_elsewhere_is_warned_about() {
    let output = Output::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(output.clone())
        .with_ansi(false)
        .finish();
    let build = |url: &str| {
        let builder = Client::builder().api_key(KEY).base_url(url);
        builder.allow_plain_http().build().expect("valid settings")
    };
    tracing::subscriber::with_default(subscriber, || {
        for url in ["https://billing.example.com", "http://127.0.0.1:8080"] {
            build(url);
        }
        assert_eq!(output.text(), "");
        build("http://billing-portal:8080");
    });
    let warning = "WARN billing_portal_client::base_url: the API key will be sent in the clear url=http://billing-portal:8080/";
    assert_eq!(output.text().lines().count(), 1, "{}", output.text());
    assert!(output.text().contains(warning), "{}", output.text());
}
