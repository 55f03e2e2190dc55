//! A thousand callers while Stripe does not answer: all of them are answered in time, and those who are refused do
//! not notice.

mod attackers;
mod changes;
mod flood;
pub(crate) mod stripe_budget;

use std::net::SocketAddr;
use std::time::Duration;

use billing_portal_tests::stripe::{Endpoint, Reply};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

const CALLERS: usize = 1_000;
/// The deadline of a call to Stripe, and a second.
const CALLER_LIMIT: Duration = Duration::from_secs(11);
/// How many refusals are measured before the rush.
const QUIET_REFUSALS: usize = 300;
/// How much longer the slowest of 100 refusals may take during the rush than before it: on a busy machine it was twelve
/// times. A refusal that waited for a call to Stripe would take a thousand times as long.
const SLOWDOWN: u32 = 50;
/// So long after the rush there is room again: nobody waits longer for a turn.
const RUSH: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_stripe_hanging_a_thousand_callers_are_answered_in_time_and_refusals_stay_fast() {
    let service = Service::builder()
        .set("STRIPE_RATE_LIMIT", "20")
        .set("MAX_CONNECTIONS_PER_PEER", "1024")
        .start()
        .await;
    service
        .stripe
        .answer_always(Endpoint::Sessions, Reply::hang());
    let portal = TestRequest::portal(service.key(), RETURN_URL);
    let refused = [
        (portal.clone().with_bearer("am_live_nobody"), 401),
        (
            TestRequest::portal(service.key(), "https://evil.test/"),
            422,
        ),
    ];
    let mut quiet = Vec::new();
    for (request, status) in refused.iter().cycle().take(QUIET_REFUSALS) {
        let (response, took) = refusal(service.api(), request).await;
        assert_eq!(response, *status);
        quiet.push(took);
    }
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (api, portal) = (service.api(), portal.clone());
        callers.spawn(async move {
            let status = send(api, &portal).await.status;
            (status, began.elapsed())
        });
    }
    let watching = tokio::spawn(watch(service.api(), refused, began));
    let answers = callers.join_all().await;
    let refusals = watching.await.expect("no panic");

    let late = answers
        .iter()
        .filter(|(_, elapsed)| *elapsed > CALLER_LIMIT);
    assert_eq!(
        late.count(),
        0,
        "{:?}",
        answers.iter().map(|(_, elapsed)| elapsed).max()
    );
    assert!(
        answers
            .iter()
            .all(|(status, _)| matches!(status, 502 | 503))
    );
    let waited = answers.iter().filter(|(status, _)| *status == 502).count();
    println!(
        "{waited} of {CALLERS} callers waited for Stripe or for a turn; the others were turned away at once"
    );
    assert!(waited >= 200, "as many as there are places");
    assert!(
        service.sessions().len() <= 32 * 3,
        "so many calls at a time, three tries each"
    );

    let (before, during) = (percentile(quiet, 99), percentile(refusals, 99));
    println!("refusals: 99th percentile {before:?} before, {during:?} during the rush");
    assert!(during < SLOWDOWN * before, "{during:?} is not {before:?}");
}

/// The status of a request that is refused, and how long that takes.
async fn refusal(api: SocketAddr, request: &TestRequest) -> (u16, Duration) {
    let sent = Instant::now();
    let status = send(api, request).await.status;
    (status, sent.elapsed())
}

/// How long refusals take, until Stripe's deadline is over.
async fn watch(api: SocketAddr, refused: [(TestRequest, u16); 2], began: Instant) -> Vec<Duration> {
    let mut took = Vec::new();
    while began.elapsed() < CALLER_LIMIT {
        for (request, expected) in &refused {
            let is_early = began.elapsed() < RUSH;
            let (status, elapsed) = refusal(api, request).await;
            took.push(elapsed);
            let is_expected = status == *expected || status == 503 && is_early;
            assert!(is_expected, "{status} instead of {expected}");
        }
        sleep(Duration::from_millis(10)).await;
    }
    took
}

fn percentile(mut durations: Vec<Duration>, percent: usize) -> Duration {
    durations.sort();
    durations[durations.len() * percent / 100]
}
