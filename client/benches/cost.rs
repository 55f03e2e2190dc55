//! The cost of a call compared with the same call written by hand on reqwest, in CPU time of the process.
//!
//! `cargo bench -p billing-portal-client --bench cost` prints both and fails if the SDK costs over a tenth more.
//! Both sides take turns on one connection each, against the fake server in its own process, so that other load on the
//! machine affects both equally. Linux only: the kernel's counter is read from /proc.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use billing_portal_client::chrono::{DateTime, Utc};
use billing_portal_client::test_util::{API_KEY, FakeServer};
use billing_portal_client::{Client, reqwest};
use serde::{Deserialize, Serialize};

const RETURN_URL: &str = "https://app.example.com/settings/billing";
/// Number of rounds, of which the median counts: enough that single disturbances do not matter.
const ROUNDS: usize = 40;
/// Number of calls of each side in a round: some 50 ms, well above the resolution of the counter.
const CALLS: u32 = 250;
/// The highest ratio of the SDK's cost to the cost of the call by hand: generated code and checks are worth a tenth.
const BOUND: f64 = 1.10;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "serve") {
        serve();
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut server = Command::new(std::env::current_exe().expect("this program"))
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server's process");
    let mut base_url = String::new();
    BufReader::new(server.stdout.take().expect("piped"))
        .read_line(&mut base_url)
        .expect("its address");
    let ratio = runtime.block_on(compare(base_url.trim_end()));
    drop(server.stdin.take());
    server.wait().expect("the server to end");
    if ratio <= BOUND {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Serves until the parent closes the pipe.
fn serve() {
    let server = FakeServer::start().expect("a free port");
    println!("{}", server.base_url());
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .expect("the parent's end");
}

/// The median over the rounds of the ratio of the SDK's cost to the cost of the call by hand.
async fn compare(base_url: &str) -> f64 {
    let client = Client::builder()
        .api_key(API_KEY)
        .base_url(base_url)
        .build()
        .expect("valid settings");
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let url = format!("{base_url}/v1/billing/portal");
    let mut rounds = Vec::new();
    for _ in 0..=ROUNDS {
        let start = cpu_time();
        for _ in 0..CALLS {
            by_hand(&http, &url).await;
        }
        let middle = cpu_time();
        for _ in 0..CALLS {
            client
                .create_portal_session(RETURN_URL)
                .await
                .expect("a session");
        }
        rounds.push((
            middle.saturating_sub(start) / CALLS,
            cpu_time().saturating_sub(middle) / CALLS,
        ));
    }
    rounds.remove(0); // Connects and warms up.
    rounds.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let (by_hand, sdk) = rounds[ROUNDS / 2];
    let median = ratio(&rounds[ROUNDS / 2]);
    println!("by hand {by_hand:?}, SDK {sdk:?} a call; ratio {median:.3}, bound {BOUND:.2}");
    median
}

fn ratio((by_hand, sdk): &(Duration, Duration)) -> f64 {
    sdk.as_secs_f64() / by_hand.as_secs_f64()
}

#[derive(Serialize)]
struct Request<'a> {
    return_url: &'a str,
}

#[derive(Deserialize)]
struct Envelope {
    data: Session,
}

#[derive(Deserialize)]
struct Session {
    portal_url: String,
    expires_at: DateTime<Utc>,
}

/// The call without the SDK.
async fn by_hand(http: &reqwest::Client, url: &str) {
    let request = http.post(url).bearer_auth(API_KEY).json(&Request {
        return_url: RETURN_URL,
    });
    let answer = request
        .timeout(Duration::from_secs(30))
        .send()
        .await
        .expect("an answer");
    let answer = answer.error_for_status().expect("a success");
    let Envelope { data } = answer.json().await.expect("an envelope");
    std::hint::black_box((data.portal_url, data.expires_at));
}

/// How long this process has run on processors: the SDK's connections have a thread of their own.
fn cpu_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux");
    let nanoseconds = threads.map(|thread| {
        let file = thread.expect("an entry").path().join("schedstat");
        let text = std::fs::read_to_string(file).expect("a thread that goes on");
        let (count, _) = text.split_once(' ').expect("three numbers");
        count.parse::<u64>().expect("a number")
    });
    Duration::from_nanos(nanoseconds.sum())
}
