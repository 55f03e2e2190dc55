//! Good and bad requests for a while: memory and file descriptors stay as they are. `SOAK_SECONDS=600` makes it ten
//! minutes after the warm-up (`tests/scripts/soak`).

use std::fs;
use std::time::Duration;

use billing_portal_tests::http_client;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Reply};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::harness::memory::resident_kib;
use crate::harness::process::Process;
use crate::harness::service::Service;
use crate::harness::webhook::{SECRET, customer, event, signed, unix_time};

const SENDERS: usize = 6;
const PAUSE: Duration = Duration::from_millis(4);
/// What is measured by default, beside the warm-up.
const DEFAULT_DURATION: Duration = Duration::from_secs(40);
/// How many times shorter the warm-up is. The longer the run, the more it writes, and `SQLite` keeps up to 2 MB of the
/// pages that it wrote: after five minutes no more.
const WARM_UP_SHARE: u32 = 2;
/// Connections come and go, so descriptors are counted more than once.
const COUNTS: usize = 20;
const BETWEEN_COUNTS: Duration = Duration::from_millis(50);
/// How much memory may grow, and what is allowed beside it: the allocator keeps what it once had.
const GROWTH_PERCENT: usize = 5;
/// The line that says where the service listens, and errors: the test keeps what is logged in its memory.
const LOG: &str = "error,billing_portal_server::service=info";
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

fn duration() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").ok();
    let seconds = seconds.map(|seconds| seconds.parse().expect("SOAK_SECONDS is a number"));
    seconds.map_or(DEFAULT_DURATION, Duration::from_secs)
}

/// What a service gets in its life: mostly good requests, and some of each other kind.
fn requests(key: &str) -> Vec<TestRequest> {
    let good = TestRequest::portal(key, RETURN_URL);
    let mut requests = vec![good.clone(); 6];
    requests.extend([
        good.clone().with_bearer("nonsense"),
        TestRequest::portal(key, "https://evil.test/"),
        good.clone().with_body("{"),
        good.with_path("/nowhere"),
        TestRequest::get("/openapi.json"),
        TestRequest::get("/docs/swagger-ui.css"),
    ]);
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_descriptors_stay_as_they_are() {
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .start()
        .await;
    let process = Process::beside(&service, &[("LOG", LOG)]).await;
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        senders.spawn(send(process.api, requests(service.key()), number));
    }
    sleep(duration() / WARM_UP_SHARE).await;
    let (warm, began) = (used(&process).await, Instant::now());
    while began.elapsed() < duration() {
        sleep(Duration::from_secs(1)).await;
        // Stripe fails now and then.
        service
            .stripe
            .answer_next(Endpoint::Sessions, [Reply::status(500)]);
    }
    let end = used(&process).await;
    assert!(
        senders.try_join_next().is_none(),
        "no request was answered 500, or not at all"
    );
    println!("memory and descriptors: {warm:?} after the warm-up, {end:?} at the end");
    assert!(
        end.0 <= warm.0 * (100 + GROWTH_PERCENT) / 100,
        "{warm:?}, {end:?}"
    );
    assert!(end.1 <= warm.1 + SENDERS, "{warm:?}, {end:?}");
    senders.shutdown().await;
    process.kill().await;
}

/// Memory in KiB, and the most file descriptors.
async fn used(process: &Process) -> (usize, usize) {
    let mut most = 0;
    for _ in 0..COUNTS {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", process.id())).expect("it runs");
        most = descriptors.count().max(most);
        sleep(BETWEEN_COUNTS).await;
    }
    (resident_kib(process), most)
}

async fn send(api: std::net::SocketAddr, requests: Vec<TestRequest>, sender: usize) {
    let mut number = sender;
    loop {
        for request in &requests {
            let answer = http_client::exchange(api, request, RESPONSE_LIMIT).await;
            assert!(answer.is_some_and(|answer| answer.status != 500));
            sleep(PAUSE).await;
        }
        let object = customer(&format!("cus_{number}"), "acme");
        let update = event(
            &format!("evt_{number}"),
            "customer.updated",
            unix_time(),
            &object,
        );
        http_client::exchange(api, &signed(&update), RESPONSE_LIMIT).await;
        number += SENDERS;
    }
}
