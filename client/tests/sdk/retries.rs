//! When the SDK retries, how long it waits, and when it stops.

use std::time::{Duration, Instant};

use billing_portal_client::Error;
use billing_portal_tests::http_server::{ScriptedReply, reply};

use super::replies::{opened, refusal, serve};
use super::{RETURN_URL, client_of};

/// The number of requests that a client with two retries makes if each gets this reply, and how long that takes.
async fn tries(reply: ScriptedReply) -> (usize, Duration) {
    let server = serve([reply]).await;
    let client = client_of(&server)
        .timeout(Duration::from_mins(5))
        .build()
        .expect("valid settings");
    let started = Instant::now();
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect_err("every answer is an error");
    (server.requests().len(), started.elapsed())
}

#[tokio::test]
async fn the_code_or_else_the_status_decides_whether_to_retry() {
    let cases = [
        (refusal(408, "REQUEST_TIMEOUT", ""), 3),
        (refusal(429, "RATE_LIMITED", ""), 3),
        (refusal(500, "INTERNAL", ""), 3),
        (refusal(503, "SERVICE_UNAVAILABLE", ""), 3),
        (
            refusal(502, "BILLING_PORTAL_UNAVAILABLE", "Retry-After: 0\r\n"),
            3,
        ),
        (refusal(502, "BILLING_PORTAL_UNAVAILABLE", ""), 1),
        (refusal(400, "BAD_REQUEST", ""), 1),
        (refusal(401, "UNAUTHORIZED", ""), 1),
        (refusal(403, "FORBIDDEN", ""), 1),
        (refusal(409, "NO_STRIPE_CUSTOMER", "Retry-After: 0\r\n"), 1),
        (refusal(422, "VALIDATION_FAILED", "Retry-After: 0\r\n"), 1),
        // The code decides, even if a proxy has changed the status.
        (refusal(503, "NO_STRIPE_CUSTOMER", ""), 1),
        (refusal(409, "SOMETHING_NEW", ""), 1),
        (refusal(503, "SOMETHING_NEW", ""), 3),
        (ScriptedReply::Whole(reply(504, "", "<html>")), 3),
        (ScriptedReply::Whole(reply(404, "", "<html>")), 1),
        (ScriptedReply::Reset(String::new()), 3),
    ];
    for (reply, expected) in cases {
        let said = format!("{reply:?}");
        assert_eq!(tries(reply).await.0, expected, "{said}");
    }
}

#[tokio::test]
async fn a_call_succeeds_when_one_of_its_tries_does() {
    let server = serve([
        ScriptedReply::Reset(String::new()),
        refusal(503, "SERVICE_UNAVAILABLE", ""),
        opened(),
    ])
    .await;
    let client = client_of(&server).build().expect("valid settings");
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("the third try succeeds");
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|request| request.to_bytes() == requests[0].to_bytes()),
        "every try sends the same"
    );
}

#[tokio::test]
async fn one_deadline_holds_over_all_tries() {
    let server = serve([
        refusal(503, "SERVICE_UNAVAILABLE", ""),
        ScriptedReply::Stalled(String::new()),
    ])
    .await;
    let client = client_of(&server)
        .timeout(Duration::from_millis(700))
        .max_retries(9)
        .build()
        .expect("valid settings");
    let started = Instant::now();
    let error = client
        .create_portal_session(RETURN_URL)
        .await
        .expect_err("late");
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert!(
        started.elapsed() < Duration::from_millis(1400),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_pause_that_exceeds_the_deadline_is_not_started() {
    let server = serve([refusal(503, "SERVICE_UNAVAILABLE", "Retry-After: 5\r\n")]).await;
    let client = client_of(&server)
        .timeout(Duration::from_secs(2))
        .build()
        .expect("valid settings");
    let started = Instant::now();
    let error = client
        .create_portal_session(RETURN_URL)
        .await
        .expect_err("refused");
    assert_eq!(
        error.retry_after(),
        Some(Duration::from_secs(5)),
        "the refusal itself, not a timeout"
    );
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_call_may_have_its_own_settings() {
    let server = serve([refusal(500, "INTERNAL", "")]).await;
    let client = client_of(&server).build().expect("valid settings");
    client
        .create_portal_session(RETURN_URL)
        .max_retries(0)
        .await
        .expect_err("refused");
    assert_eq!(server.requests().len(), 1);

    let server = serve([ScriptedReply::Stalled(String::new())]).await;
    let client = client_of(&server).build().expect("valid settings");
    let started = Instant::now();
    let call = client
        .create_portal_session(RETURN_URL)
        .timeout(Duration::from_millis(200));
    assert!(call.await.expect_err("late").is_timeout());
    assert!(started.elapsed() < Duration::from_secs(2));
}
