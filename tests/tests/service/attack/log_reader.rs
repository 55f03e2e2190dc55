//! H2: what happens when nobody reads the log: requests, health and shutdown never wait for it, and no audit event is
//! lost while there is room.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{sleep, timeout};

use crate::harness::process;
use crate::harness::service::{Service, send};

/// Each request writes about 1 KiB to the log, and a pipe holds 64 KiB.
const REQUESTS: usize = 200;
/// Audit events and alerts of a start, at most.
const STARTING_RECORDS: u64 = 20;
/// The shutdown delay, what is in flight, and the wait for the log's reader.
const MAX_STOP: Duration = Duration::from_secs(30);

/// A service whose log is read up to the line that names its ports, and no further.
struct ServiceProcess {
    child: Child,
    /// Held, so that the pipe stays open; `None` if there is no pipe or its reader is gone.
    log: Option<BufReader<ChildStderr>>,
    api: SocketAddr,
    operations: SocketAddr,
}

/// `serve` with the settings of this service and these on top.
fn command(service: &Service, settings: &[(&str, SocketAddr)]) -> Command {
    let mut variables = service.variables().to_vec();
    variables.push((
        "BILLING_PORTAL_STRIPE_RATE_LIMIT".to_owned(),
        "0".to_owned(),
    ));
    let settings = settings
        .iter()
        .map(|(name, value)| (format!("BILLING_PORTAL_{name}"), value.to_string()));
    variables.extend(settings);
    let mut command = process::command(&["serve"], &variables);
    command.stdout(Stdio::null()).kill_on_drop(true);
    command
}

impl ServiceProcess {
    async fn beside(service: &Service) -> Self {
        let mut child = command(service, &[])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut log = BufReader::new(child.stderr.take().expect("its log is piped"));
        let mut line = String::new();
        while !line.contains("\"listening\"") {
            line.clear();
            let read = timeout(Duration::from_secs(30), log.read_line(&mut line)).await;
            assert!(read.expect("it starts").expect("UTF-8") > 0, "it starts");
        }
        let listening: Value = serde_json::from_str(&line).expect("JSON");
        let address = |name: &str| {
            let text = listening[name].as_str().expect("an address");
            text.parse().expect("an address")
        };
        let (api, operations) = (address("api"), address("operations"));
        Self {
            child,
            log: Some(log),
            api,
            operations,
        }
    }

    /// Opens this many portals, one after the other.
    async fn open_portals(&self, service: &Service, count: usize) {
        let portal = TestRequest::portal(service.key(), RETURN_URL);
        while send(self.api, &portal).await.status == 502 {
            // The portal configuration is not verified yet.
            sleep(Duration::from_millis(20)).await;
        }
        for _ in 1..count {
            assert_eq!(send(self.api, &portal).await.status, 200);
        }
    }

    async fn metric(&self, name: &str) -> u64 {
        let metrics = send(self.operations, &TestRequest::get("/metrics")).await;
        let line = metrics.text().lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        value.unwrap_or_else(|| panic!("{name} is in\n{}", metrics.text()))
    }

    fn terminate(&self) {
        let id = self.child.id().expect("it runs").to_string();
        let kill = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status();
        assert!(kill.is_ok_and(|status| status.success()));
    }

    async fn assert_stops(&mut self) {
        self.terminate();
        let ended = timeout(MAX_STOP, self.child.wait()).await;
        let status = ended
            .expect("it stops in time")
            .expect("it can be waited for");
        assert_eq!(status.code(), Some(0));
    }
}

fn audited(log: &str) -> usize {
    let read = |line| serde_json::from_str::<Value>(line).expect("each line is JSON");
    let events = log.lines().map(read);
    events
        .filter(|line| line["event"] == "portal_session_created")
        .count()
}

#[tokio::test]
async fn h2_requests_health_and_shutdown_do_not_wait_for_the_reader_of_the_log() {
    let service = Service::start().await;
    let mut process = ServiceProcess::beside(&service).await;
    process.open_portals(&service, REQUESTS).await;
    let health = send(process.operations, &TestRequest::get("/healthz")).await;
    let ready = send(process.operations, &TestRequest::get("/readyz")).await;
    assert_eq!((health.status, ready.status), (200, 200));
    assert!(
        process
            .metric("billing_portal_log_record_bytes_waiting")
            .await
            > 0
    );
    process.assert_stops().await;
}

#[tokio::test]
async fn h2_no_audit_event_is_lost_when_the_reader_comes_back() {
    let service = Service::start().await;
    let mut process = ServiceProcess::beside(&service).await;
    process.open_portals(&service, REQUESTS).await;
    process.terminate();
    let mut log = String::new();
    let mut reader = process.log.take().expect("its log is piped");
    let read = timeout(MAX_STOP, reader.read_to_string(&mut log)).await;
    read.expect("it stops in time").expect("UTF-8");
    assert_eq!(audited(&log), REQUESTS);
    assert!(
        log.contains("draining"),
        "what is logged at the end is written, too"
    );
}

#[tokio::test]
async fn h2_the_service_goes_on_when_the_reader_of_the_log_is_gone() {
    let service = Service::start().await;
    let mut process = ServiceProcess::beside(&service).await;
    process.log = None;
    process.open_portals(&service, REQUESTS).await;
    let records = "billing_portal_log_lines_dropped_total{kind=\"record\"}";
    let lost = process.metric(records).await;
    assert!(lost > 0, "what is lost is counted");
    // Hardly anything is logged now, so hardly anything is tried.
    sleep(Duration::from_secs(1)).await;
    let failures = "billing_portal_log_write_failures_total";
    let failed = process.metric(failures).await;
    sleep(Duration::from_secs(1)).await;
    assert!(process.metric(failures).await < failed + 10);
    let audited = u64::try_from(REQUESTS).expect("it fits");
    assert!(process.metric(records).await <= audited + STARTING_RECORDS);
    process.assert_stops().await;
}

#[tokio::test]
async fn m6_the_service_goes_on_when_the_disk_of_the_log_is_full() {
    let service = Service::start().await;
    let full = std::fs::File::create("/dev/full").expect("the device is there");
    let (api, operations) = (free_address(), free_address());
    let settings = [("LISTEN", api), ("OPERATIONS_LISTEN", operations)];
    let child = command(&service, &settings)
        .stderr(full)
        .spawn()
        .expect("the binary runs");
    let mut process = ServiceProcess {
        child,
        log: None,
        api,
        operations,
    };
    while TcpStream::connect(api).await.is_err() {
        sleep(Duration::from_millis(20)).await;
    }
    process.open_portals(&service, REQUESTS).await;
    let failures = process
        .metric("billing_portal_log_write_failures_total")
        .await;
    assert!(failures > 0, "each failed write is counted");
    let records = "billing_portal_log_lines_dropped_total{kind=\"record\"}";
    assert_eq!(
        process.metric(records).await,
        0,
        "records wait for room on the disk"
    );
    process.assert_stops().await;
}

/// An address that nothing listens on at the moment.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}
