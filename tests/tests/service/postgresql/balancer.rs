//! Three instances behind a balancer: restarted one after the other, killed, and without their database for a while.

use std::env;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing_portal_tests::haproxy::HaProxy;
use billing_portal_tests::http_client;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::ports::free_port;
use billing_portal_tests::postgresql::Cluster;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::setup::cluster;
use crate::harness::process::Process;
use crate::harness::service::Service;
use crate::harness::test_database::TestDatabase;

/// Callers who send one request after the other.
const CALLERS: usize = 8;
/// How long one answer may take: more than any does on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// How long the balancer takes to see that an instance is back, and then some load on all three.
const SETTLING: Duration = Duration::from_secs(3);
const OUTAGE: Duration = Duration::from_secs(10);
/// How long recovery may take.
const RECOVERED_WITHIN: Duration = Duration::from_secs(20);

/// An answer that a caller got.
#[derive(Debug, Clone)]
struct Answer {
    /// When the request was sent.
    at: Instant,
    /// `None` if the connection ended.
    status: Option<u16>,
}

/// Instances at fixed addresses behind a balancer, and callers.
struct Deployment {
    service: Service,
    addresses: Vec<(SocketAddr, SocketAddr)>,
    instances: Vec<Process>,
    answers: Arc<Mutex<Vec<Answer>>>,
    _callers: JoinSet<()>,
    _balancer: HaProxy,
    cluster: Cluster,
}

fn address() -> SocketAddr {
    ([127, 0, 0, 1], free_port().expect("a port")).into()
}

async fn start(service: &Service, (api, operations): (SocketAddr, SocketAddr)) -> Process {
    let (api, operations) = (api.to_string(), operations.to_string());
    let settings = [
        ("LISTEN", api.as_str()),
        ("OPERATIONS_LISTEN", operations.as_str()),
        ("SHUTDOWN_DELAY_SECONDS", "3"),
    ];
    Process::beside(service, &settings).await
}

fn call(address: SocketAddr, key: &str, answers: &Arc<Mutex<Vec<Answer>>>) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let request = TestRequest::portal(key, RETURN_URL);
        let answers = Arc::clone(answers);
        callers.spawn(async move {
            loop {
                let at = Instant::now();
                let answer = http_client::exchange(address, &request, ANSWER_LIMIT).await;
                let status = answer.map(|answer| answer.status);
                answers
                    .lock()
                    .expect("no panic")
                    .push(Answer { at, status });
            }
        });
    }
    callers
}

impl Deployment {
    /// `None` without a balancer, which is a failure where everything is required.
    async fn start() -> Option<Self> {
        if !HaProxy::is_installed() {
            let is_required = env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
            assert!(!is_required, "haproxy is not installed");
            println!("skipped: haproxy is not installed (on Debian: apt-get install haproxy)");
            return None;
        }
        let cluster = cluster(&[]);
        let database = TestDatabase::at(&cluster.url("postgres"));
        let service = Service::builder().database(database).start().await;
        let addresses: Vec<_> = (0..3).map(|_| (address(), address())).collect();
        let mut instances = Vec::new();
        for addresses in &addresses {
            instances.push(start(&service, *addresses).await);
        }
        let balancer = HaProxy::start(&addresses).expect("it starts");
        let answers = Arc::default();
        let callers = call(balancer.address, service.key(), &answers);
        let this = Self {
            service,
            addresses,
            instances,
            answers,
            _callers: callers,
            _balancer: balancer,
            cluster,
        };
        // The balancer believes that an instance works until its first check has ended.
        sleep(SETTLING).await;
        this.answers();
        Some(this)
    }

    /// The answers since this was asked before.
    fn answers(&self) -> Vec<Answer> {
        std::mem::take(&mut *self.answers.lock().expect("no panic"))
    }

    /// The same, which are all of portals that opened.
    fn all_opened(&self) -> usize {
        let answers = self.answers();
        let others = answers.iter().filter(|answer| answer.status != Some(200));
        let others: Vec<_> = others.collect();
        assert!(others.is_empty(), "{others:?} of {}", answers.len());
        answers.len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_rolling_restart_behind_a_balancer_loses_no_request() {
    let Some(mut deployment) = Deployment::start().await else {
        return;
    };
    let mut opened = 0;
    for addresses in deployment.addresses.clone() {
        let instance = deployment.instances.remove(0);
        instance.terminate().await;
        let (code, _) = instance.end().await;
        assert_eq!(code, Some(0));
        let instance = start(&deployment.service, addresses).await;
        deployment.instances.push(instance);
        sleep(SETTLING).await;
        opened += deployment.all_opened();
    }
    println!("{opened} portals opened while three instances were restarted");
    assert!(opened > 3 * CALLERS, "{opened}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn an_instance_killed_behind_a_balancer_loses_what_was_in_flight_on_it() {
    let Some(mut deployment) = Deployment::start().await else {
        return;
    };
    deployment.instances.remove(0).kill().await;
    let killed = Instant::now();
    sleep(SETTLING).await;
    let answers = deployment.answers();
    let lost = answers.iter().filter(|answer| answer.status != Some(200));
    let lost: Vec<_> = lost.collect();
    println!("{} of {} requests were lost", lost.len(), answers.len());
    assert!(lost.len() <= CALLERS, "{lost:?}");
    assert!(lost.iter().all(|answer| answer.at < killed), "{lost:?}");
    assert!(answers.len() > lost.len() + CALLERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn instances_behind_a_balancer_recover_when_their_database_is_back() {
    let Some(mut deployment) = Deployment::start().await else {
        return;
    };
    deployment.cluster.stop().expect("it stops");
    sleep(OUTAGE).await;
    deployment.cluster.resume().expect("it starts");
    let back = Instant::now();
    let during = deployment.answers();
    let is_expected = |answer: &Answer| matches!(answer.status, Some(200 | 503));
    assert!(during.iter().all(is_expected), "{during:?}");
    assert_eq!(during.last().and_then(|answer| answer.status), Some(503));
    loop {
        sleep(Duration::from_secs(1)).await;
        let answers = deployment.answers();
        assert!(answers.iter().all(is_expected), "{answers:?}");
        if !answers.is_empty() && answers.iter().all(|answer| answer.status == Some(200)) {
            break;
        }
        assert!(back.elapsed() < RECOVERED_WITHIN, "it does not recover");
    }
    println!("recovered within {:?}", back.elapsed());
}
