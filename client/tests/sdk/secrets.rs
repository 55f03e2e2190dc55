//! Nothing that the SDK prints or traces, at any level, holds the key or a portal's URL.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing_portal_client::{ApiKey, Error};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::wire::{PORTAL_URL, Reply, Wire, answer, json, opened, refusal, session};
use super::{KEY, RETURN_URL, client_of};

/// Everything that was traced.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no test panics here")
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
        String::from_utf8_lossy(&self.0.lock().expect("no test panics here")).into_owned()
    }
}

/// Each way in which a call can end, the success among them; what the client prints of it is added to what it traces.
#[tokio::test]
async fn no_output_at_trace_level_holds_a_secret() {
    let output = Output::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL);
    // Also takes in what reqwest and rustls log through the `log` crate.
    let guard = subscriber
        .with_writer(output.clone())
        .with_ansi(false)
        .finish()
        .set_default();

    let whole = answer(200, "", &session(PORTAL_URL));
    let replies = [
        opened(),
        json(200, "", &session(PORTAL_URL).replace('}', "")),
        json(200, "", &session(&PORTAL_URL.replace("https", "http"))),
        refusal(503, "SERVICE_UNAVAILABLE", ""),
        refusal(422, "VALIDATION_FAILED", ""),
        Reply::Whole(answer(
            502,
            &format!("X-Echo: Bearer {KEY}\r\n"),
            &format!("Bearer {KEY} {PORTAL_URL}"),
        )),
        Reply::Whole(answer(307, &format!("Location: {PORTAL_URL}\r\n"), "")),
        Reply::Whole(whole[..whole.len() - 10].to_owned()),
        Reply::Stalled(whole[..whole.len() - 10].to_owned()),
        Reply::Reset(whole[..whole.len() - 10].to_owned()),
    ];
    let mut printed = String::new();
    for reply in replies {
        let wire = Wire::start([reply]).await;
        let client = client_of(&wire)
            .timeout(Duration::from_millis(300))
            .build()
            .expect("right settings");
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
    }
    let key: ApiKey = KEY.parse().expect("a right key");
    writeln!(
        printed,
        "{key:?} {:?}",
        billing_portal_client::Client::builder().api_key(key.clone())
    )
    .expect("memory");
    drop(guard);

    let traced = output.text();
    assert!(
        traced.contains("create_portal_session{attempt=1"),
        "nothing was traced: {traced}"
    );
    assert!(
        traced.contains("status=503 request_id=01JTBQH2FZ8K1RXC0WJ4Z9P3VM"),
        "{traced}"
    );
    assert!(traced.contains("trying again"), "{traced}");
    let secret = &KEY["am_test_".len()..];
    for secret in [secret, &secret[24..], "bps_test", "/p/session"] {
        assert!(!traced.contains(secret), "{secret} was traced: {traced}");
        assert!(!printed.contains(secret), "{secret} was printed: {printed}");
    }
}

/// A wrong key is not repeated to whoever reads the error.
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
