//! One peer takes all the connections that it can: others still get theirs, and operators are alerted.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::harness::busy_connection::BusyConnection;
use crate::harness::command;
use crate::harness::log;
use crate::harness::process::Process;
use crate::harness::service::{Builder, Service, send};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};
use billing_portal_tests::stripe::{Endpoint, Reply};

/// A connection that is served answers in far less, and one that is closed is closed at once.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

/// A service that waits for the bodies of busy connections for longer than a test takes.
fn patient_service() -> Builder {
    Service::builder().set("BODY_TIMEOUT_SECONDS", "600")
}

async fn open(service: &Service, source: IpAddr) -> ClientConnection {
    let connection = ClientConnection::open_from(source, service.api()).await;
    connection.expect("it listens")
}

async fn open_busy(service: &Service, source: IpAddr) -> BusyConnection {
    BusyConnection::open(service.api(), source, service.key()).await
}

/// A connection that has had an answer, and is idle.
async fn open_idle(service: &Service, source: IpAddr) -> ClientConnection {
    let mut connection = open(service, source).await;
    let answer = call(&mut connection, service).await.expect("an answer");
    assert_eq!(answer.status, 200);
    connection
}

/// Waits until one of these connections is closed, and takes it out.
async fn until_one_closes(connections: &mut Vec<ClientConnection>) {
    let deadline = Instant::now() + RESPONSE_LIMIT;
    for at in (0..connections.len()).cycle() {
        assert!(Instant::now() < deadline, "one is closed");
        if connections[at].is_closed(Duration::from_millis(5)).await {
            connections.remove(at);
            return;
        }
    }
}

async fn call(connection: &mut ClientConnection, service: &Service) -> Option<TestResponse> {
    let request = TestRequest::portal(service.key(), RETURN_URL).to_bytes();
    connection.send(&request).await.ok()?;
    connection.response("POST", RESPONSE_LIMIT).await
}

async fn limits_met(service: &Service, limit: &str) -> String {
    let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
    let series =
        format!("billing_portal_connection_limits_total{{limit=\"{limit}\",port=\"api\"}} ");
    let line = metrics
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(&series));
    line.expect("it is counted").to_owned()
}

#[tokio::test]
async fn h4_a_peer_gets_a_quarter_of_the_connections_and_others_get_theirs() {
    let service = patient_service().set("MAX_CONNECTIONS", "8").start().await;
    let shares = [
        open_busy(&service, ATTACKER).await,
        open_busy(&service, ATTACKER).await,
    ];
    for _ in 0..20 {
        let mut refused = open(&service, ATTACKER).await;
        assert!(
            refused.is_closed(RESPONSE_LIMIT).await,
            "its share is used up"
        );
    }
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    for share in shares {
        assert_eq!(share.finish().await.0.status, 200);
    }
    assert_eq!(limits_met(&service, "peer").await, "20");
    assert_eq!(limits_met(&service, "all").await, "0");
}

#[tokio::test]
async fn h4_a_new_connection_replaces_the_longest_idle_one_of_its_peer() {
    let service = patient_service()
        .set("MAX_CONNECTIONS", "8")
        .set("MAX_CONNECTIONS_PER_PEER", "3")
        .start()
        .await;
    let mut first = open_idle(&service, ATTACKER).await;
    let mut other = open_idle(&service, Ipv4Addr::LOCALHOST.into()).await;
    let mut second = open_idle(&service, ATTACKER).await;
    let third = open_busy(&service, ATTACKER).await;
    // The first is now the one that was used last.
    assert!(call(&mut first, &service).await.is_some());
    let mut fourth = open_idle(&service, ATTACKER).await;
    assert!(
        second.is_closed(RESPONSE_LIMIT).await,
        "the longest idle one"
    );
    for connection in [&mut first, &mut fourth, &mut other] {
        let answer = call(connection, &service).await.expect("it is open");
        assert_eq!(answer.status, 200);
    }
    assert_eq!(third.finish().await.0.status, 200);
}

#[tokio::test]
async fn h4_when_all_are_taken_the_longest_idle_connection_gives_way() {
    let service = patient_service()
        .set("MAX_CONNECTIONS", "4")
        .set("MAX_CONNECTIONS_PER_PEER", "4")
        .start()
        .await;
    // One that has sent nothing is idle, too.
    let mut silent = open(&service, ATTACKER).await;
    let mut idle = open_idle(&service, ATTACKER).await;
    let busy = [
        open_busy(&service, ATTACKER).await,
        open_busy(&service, ATTACKER).await,
    ];
    let mut caller = open_idle(&service, Ipv4Addr::LOCALHOST.into()).await;
    assert!(silent.is_closed(RESPONSE_LIMIT).await);
    let mut another = open_idle(&service, Ipv4Addr::LOCALHOST.into()).await;
    assert!(idle.is_closed(RESPONSE_LIMIT).await);
    for connection in [&mut caller, &mut another] {
        assert!(call(connection, &service).await.is_some(), "it is open");
    }
    for connection in busy {
        assert_eq!(connection.finish().await.0.status, 200);
    }
    assert_eq!(limits_met(&service, "all").await, "2");
}

#[tokio::test]
async fn h4_when_none_is_idle_the_longest_half_request_gives_way() {
    for half in [
        &b"G"[..],
        b"GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nA: ",
        b"\r\nGET /",
    ] {
        let service = patient_service().set("MAX_CONNECTIONS", "8").start().await;
        let busy = open_busy(&service, Ipv4Addr::new(127, 0, 0, 8).into()).await;
        let mut halves = Vec::new();
        for number in 0..7 {
            let source = Ipv4Addr::new(127, 0, 1, number / 2);
            let mut connection = open(&service, source.into()).await;
            connection.send(half).await.expect("it reads");
            halves.push(connection);
        }
        let mut callers = Vec::new();
        for number in 0..3 {
            let source = Ipv4Addr::new(127, 0, 2, number);
            callers.push(open_busy(&service, source.into()).await);
            until_one_closes(&mut halves).await;
        }
        let (answer, mut idle) = callers.remove(0).finish().await;
        assert_eq!(answer.status, 200);
        callers.push(open_busy(&service, Ipv4Addr::new(127, 0, 2, 3).into()).await);
        assert!(
            idle.is_closed(RESPONSE_LIMIT).await,
            "an idle one comes first"
        );
        for caller in callers {
            assert_eq!(caller.finish().await.0.status, 200);
        }
        assert_eq!(busy.finish().await.0.status, 200);
    }
}

#[tokio::test]
async fn h4_a_connection_that_waits_is_counted_once() {
    let service = patient_service()
        .set("MAX_CONNECTIONS", "2")
        .set("MAX_CONNECTIONS_PER_PEER", "2")
        .start()
        .await;
    let first = open_busy(&service, ATTACKER).await;
    let second = open_busy(&service, ATTACKER).await;
    let mut waiting = open(&service, Ipv4Addr::LOCALHOST.into()).await;
    let deadline = Instant::now() + RESPONSE_LIMIT;
    while limits_met(&service, "all").await == "0" {
        assert!(Instant::now() < deadline, "it waits");
    }
    assert_eq!(first.finish().await.0.status, 200);
    let answer = call(&mut waiting, &service).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(limits_met(&service, "all").await, "1");
    assert_eq!(second.finish().await.0.status, 200);
}

/// The head of the second request comes with the end of the first, so that hyper has it before its place is looked at.
#[tokio::test]
async fn h4_a_request_behind_a_chunked_one_keeps_its_place() {
    let service = patient_service().set("MAX_CONNECTIONS", "1").start().await;
    let portal = TestRequest::portal(service.key(), RETURN_URL);
    let invalid = portal
        .clone()
        .with_body("")
        .with_header("Transfer-Encoding", "chunked");
    let (head, whole) = (invalid.head(), portal.to_bytes());
    let invalid = [&head[..], b"2\r\n{}\r\n0\r\n\r\n"].concat();
    for cut in [portal.head().len() - 2, 20, whole.len()] {
        let opened = service.sessions().len();
        let slow = Reply::status(400).after(Duration::from_secs(2));
        service.stripe.answer_next(Endpoint::Sessions, [slow]);
        let mut connection = open(&service, ATTACKER).await;
        let (now, later) = whole.split_at(cut);
        let first = [&invalid, now].concat();
        connection.send(&first).await.expect("it reads");
        let refused = connection.response("POST", RESPONSE_LIMIT).await;
        assert_eq!(refused.expect("an answer").status, 422);
        connection.send(later).await.expect("it reads");
        let deadline = Instant::now() + RESPONSE_LIMIT;
        while service.sessions().len() == opened {
            assert!(Instant::now() < deadline, "Stripe is called");
            sleep(Duration::from_millis(5)).await;
        }
        let mut other = open(&service, Ipv4Addr::LOCALHOST.into()).await;
        let get = TestRequest::get("/nowhere").head();
        _ = other.send(&get).await;
        let early = other.response("GET", Duration::from_millis(500)).await;
        assert!(early.is_none(), "{cut}: the place is taken");
        let failed = connection.response("POST", RESPONSE_LIMIT).await;
        assert_eq!(failed.expect("an answer").status, 502, "{cut}");
    }
}

#[tokio::test]
async fn h4_a_trusted_proxy_may_have_all_connections() {
    let service = patient_service()
        .set("MAX_CONNECTIONS", "8")
        .set("TRUSTED_PROXIES", "127.0.0.9/32")
        .start()
        .await;
    let mut connections = Vec::new();
    for _ in 0..7 {
        connections.push(open_busy(&service, ATTACKER).await);
    }
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    for connection in connections {
        assert_eq!(connection.finish().await.0.status, 200);
    }
    assert_eq!(limits_met(&service, "peer").await, "0");
}

#[tokio::test]
async fn h4_a_limit_that_is_met_is_logged_once_a_minute() {
    let service = Service::start().await;
    let settings = [("MAX_CONNECTIONS", "3"), ("MAX_CONNECTIONS_PER_PEER", "2")];
    let process = Process::beside(&service, &settings).await;
    let open =
        |host| ClientConnection::open_from(Ipv4Addr::new(127, 0, 0, host).into(), process.api);
    let mut connections = Vec::new();
    for host in [9, 9, 9, 9, 10, 11, 12] {
        connections.push(open(host).await.expect("it listens"));
        send(process.operations, &TestRequest::get("/healthz")).await;
    }
    let portal = TestRequest::portal(service.key(), RETURN_URL);
    assert_eq!(send(process.api, &portal).await.status, 200);
    process.terminate().await;
    let (_, text) = process.end().await;
    let lines = log::lines(&text);
    let with = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!(with("peer_connection_limit"), 1, "{text}");
    assert_eq!(with("connection_limit"), 1, "{text}");
    let peer = lines
        .iter()
        .find(|line| line["event"] == "peer_connection_limit");
    assert_eq!(peer.map(|line| &line["peer"]), Some(&"127.0.0.9".into()));
}

#[tokio::test]
async fn h4_a_share_of_none_is_refused() {
    let variable = |name: &str, value: &str| (format!("BILLING_PORTAL_{name}"), value.to_owned());
    for value in ["0", "-1", "a", "1.5"] {
        let outcome = command::run(
            &["config", "check"],
            &[variable("MAX_CONNECTIONS_PER_PEER", value)],
        )
        .await;
        assert_eq!(outcome.code, 1);
        let output = format!("{}{}", outcome.stdout, outcome.stderr);
        let expected = "max_connections_per_peer: must be a whole number from 1, such as 256";
        assert!(output.contains(expected), "{value}: {output}");
    }
}
