//! Requests that are made to cost much, from a hundred connections: a good caller and the health check hardly notice.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, interval_at, timeout};

use super::percentile;
use crate::harness::process::Process;
use crate::harness::service::Service;

const CONNECTIONS: u8 = 100;
/// Set by `tests/scripts/load`, which measures the optimized binary on a machine without other work.
const ALONE_VARIABLE: &str = "LOAD_ALONE";
const SAMPLES: usize = 1_000;
/// How many times longer a good caller may wait.
const SLOWER: u32 = 3;
/// Other programs on the machine may disturb one measurement, not all.
const ATTEMPTS: usize = 3;
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

/// How hard the attack is, and what is compared.
#[derive(Clone, Copy)]
struct Bounds {
    /// So often each connection sends. 1.0.0 needed 7 ms of the processor for the cheapest request. Without a pace the
    /// attackers, who run on the same processors, would be what is measured.
    pace: Duration,
    /// Less than this is the machine's own noise.
    noise: Duration,
}

impl Bounds {
    /// 2,000 requests a second in all for the optimized binary alone, or else 400.
    fn of_this_run() -> Self {
        let (pace, noise) = match std::env::var_os(ALONE_VARIABLE) {
            Some(_) => (50, 0),
            None => (250, 20),
        };
        Self {
            pace: Duration::from_millis(pace),
            noise: Duration::from_millis(noise),
        }
    }

    fn are_kept(self, under_attack: Slowest, quiet: Slowest) -> bool {
        let near = |slow: Duration, quiet: Duration| slow < SLOWER * quiet.max(self.noise);
        near(under_attack.0, quiet.0) && near(under_attack.1, quiet.1)
    }
}

/// The good caller's 99th percentile, and that of the health check.
type Slowest = (Duration, Duration);

/// The bytes of each kind of attack, with what is in the log for each at most.
fn attacks(key: &str) -> Vec<(&'static str, Vec<u8>)> {
    let path =
        |text: &str| TestRequest::get(&format!("/{}", text.repeat(8_000 / text.len()))).head();
    let long = "x".repeat(8_000);
    let guessing = TestRequest::portal("nonsense", RETURN_URL)
        .with_path(&format!("/v1/billing/portal?{long}"));
    let refused = TestRequest::portal(key, &format!("https://evil.test/{}", &long[..2_000]));
    vec![
        ("keys in a path", path("am_live_-")),
        ("webhook secrets in a path", path("whsec_")),
        ("portal URLs in a path", path("/p/session/")),
        ("escapes in a path", path("%2561m_live_")),
        (
            "a long method",
            TestRequest::get("/")
                .with_method(&"M".repeat(30_000))
                .head(),
        ),
        ("a long path", path("x")),
        ("a long query, with a bad key", guessing.to_bytes()),
        ("a long return URL", refused.to_bytes()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c1_m5_costly_requests_from_a_hundred_connections_do_not_slow_a_good_caller() {
    let service = Service::start().await;
    let process = Process::beside(&service, &[("LOG", "info")]).await;
    let bounds = Bounds::of_this_run();
    let mut quiet = measure(&process, service.key()).await;
    for (attack, bytes) in attacks(service.key()) {
        let mut attempts = Vec::new();
        let held = loop {
            let attackers = attack_with(process.api, &bytes, bounds.pace);
            let under_attack = measure(&process, service.key()).await;
            drop(attackers);
            attempts.push(under_attack);
            let are_kept = bounds.are_kept(under_attack, quiet);
            if are_kept || attempts.len() == ATTEMPTS {
                break are_kept;
            }
            quiet = measure(&process, service.key()).await;
        };
        println!("{attack}: quiet {quiet:?}, under attack {attempts:?}");
        assert!(held, "{attack}: {attempts:?}, quiet {quiet:?}");
    }
    process.kill().await;
}

/// The attackers send until the sender is dropped. Attackers have machines of their own, so they take what the service
/// and the good caller leave of this one's processors: a thread of the lowest priority.
fn attack_with(api: SocketAddr, bytes: &[u8], pace: Duration) -> oneshot::Sender<()> {
    let bytes = bytes.to_vec();
    let (sender, dropped) = oneshot::channel();
    thread::spawn(move || {
        lower_the_priority_of_this_thread();
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut attackers = JoinSet::new();
            for number in 0..CONNECTIONS {
                let source = Ipv4Addr::new(127, 0, 3, number);
                let first = Instant::now() + pace * u32::from(number) / u32::from(CONNECTIONS);
                let pace = interval_at(first, pace);
                attackers.spawn(attack(api, source.into(), bytes.clone(), pace));
            }
            _ = dropped.await;
        });
    });
    sender
}

fn lower_the_priority_of_this_thread() {
    let thread = std::fs::read_link("/proc/thread-self").expect("Linux");
    let id = thread.file_name().map(PathBuf::from).expect("its id");
    let mut command = Command::new("renice");
    command.args(["-n", "19", "-p"]).arg(id);
    let status = command.stdout(std::process::Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "renice works");
}

async fn attack(api: SocketAddr, source: IpAddr, bytes: Vec<u8>, mut pace: Interval) {
    loop {
        let Ok(mut connection) = ClientConnection::open_from(source, api).await else {
            continue;
        };
        loop {
            pace.tick().await;
            let sent = connection.send(&bytes).await.is_ok();
            let answer = connection.response("GET", RESPONSE_LIMIT).await;
            let goes_on = answer.is_some_and(|answer| answer.header("connection") != Some("close"));
            if !sent || !goes_on {
                break;
            }
        }
    }
}

/// A caller that keeps its connection, as the SDK does, and a health check that does not, as balancers do.
async fn measure(process: &Process, key: &str) -> Slowest {
    let portal = TestRequest::portal(key, RETURN_URL).to_bytes();
    let health = TestRequest::get("/healthz").head();
    let mut caller = ClientConnection::open(process.api)
        .await
        .expect("it listens");
    let (mut calls, mut checks) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        let began = Instant::now();
        caller.send(&portal).await.expect("it reads");
        let answer = caller
            .response("POST", RESPONSE_LIMIT)
            .await
            .expect("an answer");
        calls.push(began.elapsed());
        assert_eq!(answer.status, 200);
        let began = Instant::now();
        let check = ClientConnection::open(process.operations);
        let mut check = timeout(RESPONSE_LIMIT, check)
            .await
            .expect("in time")
            .expect("it listens");
        check.send(&health).await.expect("it reads");
        let answer = check
            .response("GET", RESPONSE_LIMIT)
            .await
            .expect("an answer");
        checks.push(began.elapsed());
        assert_eq!(answer.status, 200);
    }
    (percentile(calls, 99), percentile(checks, 99))
}
