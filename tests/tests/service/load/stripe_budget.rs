//! Instances share the calls to Stripe that the deployment may make.

use std::sync::Arc;
use std::time::Duration;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::Received;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::harness::process::Process;
use crate::harness::service::{Service, send};

/// The limit of the deployment, in requests a second, and what Stripe allows on one endpoint.
pub(crate) const LIMIT: &str = "20";
pub(crate) const STRIPE_ALLOWS: usize = 25;
/// How long the instances find their shares, and how long they are measured then.
const SETTLING: Duration = Duration::from_secs(7);
const MEASURED: Duration = Duration::from_secs(10);
/// Of the budget in that time, at least this much is used.
const LEAST: usize = 180;
/// Calls in a second of an instance that has the whole budget, and not only a half and its burst.
const NEARLY_ALL: usize = 18;
/// How long the share of an instance that was killed may take to come back.
const RETURN_LIMIT: Duration = Duration::from_secs(30);
/// Between two requests of a caller whom an instance cannot serve.
const PAUSE: Duration = Duration::from_millis(50);
/// Callers of all instances together: more than the limit lets through.
const CALLERS: usize = 60;

/// The calls that arrived at Stripe in a second, at most.
pub(crate) fn busiest_second(calls: &[Received]) -> usize {
    let mut times: Vec<_> = calls.iter().map(|call| call.at).collect();
    times.sort();
    let within = |index: usize| {
        let begin: std::time::Instant = times[index];
        times[index..]
            .iter()
            .take_while(|at| **at < begin + Duration::from_secs(1))
            .count()
    };
    (0..times.len()).map(within).max().unwrap_or_default()
}

/// Callers who call again and again, divided among the addresses.
pub(crate) fn callers(addresses: &[std::net::SocketAddr], key: &str) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    let request = Arc::new(TestRequest::portal(key, RETURN_URL));
    for caller in 0..CALLERS {
        let (address, request) = (addresses[caller % addresses.len()], Arc::clone(&request));
        callers.spawn(async move {
            loop {
                if send(address, &request).await.status == 503 {
                    // The database is away: asking more often does not bring it back.
                    sleep(PAUSE).await;
                }
            }
        });
    }
    callers
}

async fn simulate(instances: usize) {
    let first = Service::builder()
        .set("STRIPE_RATE_LIMIT", LIMIT)
        .start()
        .await;
    let mut others = Vec::new();
    for _ in 1..instances {
        let builder = Service::builder().set("STRIPE_RATE_LIMIT", LIMIT);
        others.push(builder.start_beside(&first).await);
    }
    let all = [&first].into_iter().chain(&others);
    let addresses: Vec<_> = all.map(Service::api).collect();
    let callers = callers(&addresses, first.key());
    sleep(SETTLING).await;
    let before = first.sessions().len();
    sleep(MEASURED).await;
    let sessions = first.sessions();
    drop(callers);
    let (used, busiest) = (sessions.len() - before, busiest_second(&sessions));
    println!(
        "{instances} instances: {used} calls in {MEASURED:?}, {busiest} in the busiest second"
    );
    assert!(busiest <= STRIPE_ALLOWS, "{busiest}");
    assert!(used >= LEAST, "{used}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_instance_uses_the_budget_and_no_more() {
    simulate(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_use_the_budget_and_no_more() {
    simulate(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_instances_use_the_budget_and_no_more() {
    simulate(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_share_of_an_instance_that_was_killed_comes_back() {
    let service = Service::builder()
        .set("STRIPE_RATE_LIMIT", LIMIT)
        .start()
        .await;
    let process = Process::beside(&service, &[]).await;
    let addresses = [service.api(), process.api];
    let both = callers(&addresses, service.key());
    sleep(SETTLING).await;
    drop(both);
    process.kill().await;
    let killed = Instant::now();
    let _callers = callers(&addresses[..1], service.key());
    let mut each_second = Vec::new();
    while each_second.last().is_none_or(|calls| *calls < NEARLY_ALL) {
        let before = service.sessions().len();
        sleep(Duration::from_secs(1)).await;
        each_second.push(service.sessions().len() - before);
        assert!(killed.elapsed() < RETURN_LIMIT, "{each_second:?}");
    }
    println!("calls in each second after the other one was killed: {each_second:?}");
    assert!(each_second[0] < NEARLY_ALL, "the other one had a share");
    assert!(busiest_second(&service.sessions()) <= STRIPE_ALLOWS);
}
