//! How long a client may take in each phase of a connection, and at shutdown.

use std::net::SocketAddr;
use std::time::Duration;

use billing_portal_tests::stripe::{Endpoint, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

const BUNDLE: &str = "/docs/swagger-ui-bundle.js";
/// What happens at once may take so long on a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);
/// With the default settings, whatever clients do: 12 s, and 4 s for a busy machine.
const LONGEST_STOP: Duration = Duration::from_secs(16);

/// Sends these bytes, then one more of `dripping` each half second, and reads as slowly.
async fn be_slow(api: SocketAddr, first: Vec<u8>, dripping: &'static [u8], read: usize) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a size");
    let mut stream = socket.connect(api).await.expect("it listens");
    stream.write_all(&first).await.expect("it reads");
    let mut rest = dripping.iter().cycle();
    let mut buffer = vec![0; read];
    loop {
        sleep(Duration::from_millis(500)).await;
        if !dripping.is_empty() {
            let byte = rest.next().copied().unwrap_or_default();
            _ = stream.write_all(&[byte]).await;
        }
        if read > 0 {
            _ = timeout(Duration::from_millis(1), stream.read(&mut buffer)).await;
        }
    }
}

#[tokio::test]
async fn l2_a_stop_takes_twelve_seconds_at_most_whatever_clients_do() {
    let service = Service::start().await;
    let process = Process::beside(&service, &[("SHUTDOWN_DELAY_SECONDS", "3")]).await;
    let portal = TestRequest::portal(service.key(), RETURN_URL);
    let (head, bundle) = (portal.head(), TestRequest::get(BUNDLE).head());
    let chunked = portal
        .clone()
        .with_header("Transfer-Encoding", "chunked")
        .head();
    let mut clients = JoinSet::new();
    let api = process.api;
    clients.spawn(be_slow(api, bundle.repeat(8), b"", 0));
    clients.spawn(be_slow(api, bundle.repeat(8), b"", 2_000));
    clients.spawn(be_slow(api, bundle.repeat(8), b"G", 50_000));
    clients.spawn(be_slow(api, b"GET / HTTP/1.1\r\nA: ".to_vec(), b"", 0));
    clients.spawn(be_slow(api, b"GET / HTTP/1.1\r\nA: ".to_vec(), b"a", 0));
    clients.spawn(be_slow(api, head.clone(), b"", 0));
    clients.spawn(be_slow(api, chunked, b"1\r\n{\r\n", 1));
    clients.spawn(be_slow(api, head, b" ", 1));
    clients.spawn(be_slow(api, Vec::new(), b"", 0));
    clients.spawn(be_slow(api, portal.to_bytes(), b"", 100));
    sleep(Duration::from_millis(500)).await;
    let began = Instant::now();
    process.terminate().await;
    // A body that begins at the last moment.
    sleep(Duration::from_millis(2_500)).await;
    clients.spawn(be_slow(api, portal.head(), b" ", 1));
    let (code, log) = process.end().await;
    assert_eq!(code, Some(0), "{log}");
    let took = began.elapsed();
    assert!(took < LONGEST_STOP, "{took:?}");
}

#[tokio::test]
async fn l2_a_request_that_the_service_works_on_is_answered_at_shutdown() {
    let service = Service::start().await;
    let slow = Reply::status(400).after(Duration::from_secs(2));
    service.stripe.answer_next(Endpoint::Sessions, [slow]);
    let process = Process::beside(&service, &[]).await;
    let portal = TestRequest::portal(service.key(), RETURN_URL);
    let (answer, ()) = tokio::join!(send(process.api, &portal), async {
        while service.sessions().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        process.terminate().await;
    });
    answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
}

#[tokio::test]
async fn l3_a_client_that_reads_slowly_and_steadily_gets_its_whole_answer() {
    let service = Service::builder()
        .set("IDLE_TIMEOUT_SECONDS", "3")
        .set("HEADER_TIMEOUT_SECONDS", "3")
        .start()
        .await;
    let whole = send(service.api(), &TestRequest::get(BUNDLE)).await;
    let whole = whole.body.len();
    let pipelined = [
        &b""[..],
        b"GET /docs/",
        b"GET /docs/ HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    let reading = pipelined.map(|next| read_slowly(service.api(), next, whole));
    let reading: JoinSet<()> = reading.into_iter().collect();
    reading.join_all().await;
}

/// Waits until no connection to the API is open.
async fn until_all_are_closed(service: &Service) {
    let none = "billing_portal_connections{port=\"api\"} 0\n";
    let deadline = Instant::now() + RESPONSE_LIMIT;
    while !send(service.operations(), &TestRequest::get("/metrics"))
        .await
        .text()
        .contains(none)
    {
        assert!(Instant::now() < deadline, "one is open");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Reads the bundle in more time than either timeout, and never pauses for as long as one.
async fn read_slowly(api: SocketAddr, next: &'static [u8], whole: usize) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 * 1024).expect("a size");
    let mut stream = socket.connect(api).await.expect("it listens");
    let request = [&TestRequest::get(BUNDLE).head(), next].concat();
    stream.write_all(&request).await.expect("it reads");
    let mut received = 0;
    let mut buffer = vec![0; whole / 24];
    let began = Instant::now();
    while received < whole {
        sleep(Duration::from_millis(300)).await;
        let wanted = buffer.len().min(whole - received);
        let read = stream.read_exact(&mut buffer[..wanted]).await;
        assert!(read.is_ok(), "cut after {received} of {whole} bytes");
        received += wanted;
    }
    assert!(began.elapsed() > Duration::from_secs(6), "it read slowly");
}

#[tokio::test]
async fn l3_a_client_that_reads_nothing_is_closed() {
    let service = Service::builder()
        .set("IDLE_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let mut stream = TcpStream::connect(service.api()).await.expect("it listens");
    let bundles = TestRequest::get(BUNDLE).head().repeat(40);
    stream.write_all(&bundles).await.expect("it reads");
    let whole = send(service.api(), &TestRequest::get(BUNDLE))
        .await
        .body
        .len();
    until_all_are_closed(&service).await;
    let mut received = Vec::new();
    _ = timeout(RESPONSE_LIMIT, stream.read_to_end(&mut received))
        .await
        .expect("it is closed");
    assert!(received.len() < 40 * whole, "{} bytes", received.len());
}

/// The first answers, then whether the connection closes within this time.
async fn closes_after(service: &Service, sent: &[u8], answers: usize, within: Duration) -> bool {
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    connection.send(sent).await.expect("it reads");
    for _ in 0..answers {
        let answer = connection.response("POST", RESPONSE_LIMIT).await;
        assert!(answer.is_some(), "{}", String::from_utf8_lossy(sent));
    }
    connection.is_closed(within).await
}

#[tokio::test]
async fn l4_a_begun_request_has_the_header_time_however_it_arrives() {
    let service = Service::builder()
        .set("HEADER_TIMEOUT_SECONDS", "1")
        .set("IDLE_TIMEOUT_SECONDS", "60")
        .start()
        .await;
    let portal = TestRequest::portal(service.key(), RETURN_URL);
    let get = TestRequest::get("/openapi.json").head();
    let unread = TestRequest::portal("nonsense", RETURN_URL).to_bytes();
    let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", portal.body.len(), portal.text());
    let chunked = portal
        .clone()
        .with_header("Transfer-Encoding", "chunked")
        .with_body("");
    let chunked = [chunked.head(), body.into_bytes()].concat();
    let whole = portal.to_bytes();
    #[rustfmt::skip]
    let rows: [(&str, &[&[u8]], usize, bool); 12] = [
        ("half a request after a whole one", &[&whole, b"POST /v1"], 1, true),
        ("half of its headers", &[&whole, b"POST /v1/billing/portal HTTP/1.1\r\nHost: a\r\n"], 1, true),
        ("one byte", &[&whole, b"P"], 1, true),
        ("after a request without a body", &[&get, b"GET"], 1, true),
        ("after a chunked body", &[&chunked, b"GET /"], 1, true),
        ("after a body that is not read", &[&unread, b"GET /"], 1, true),
        ("after two requests", &[&whole, &get, b"GET /"], 2, true),
        ("after three, two of them chunked", &[&chunked, &get, &chunked, b"GET /"], 3, true),
        ("nothing", &[&whole], 1, false),
        ("a blank line", &[&whole, b"\r\n"], 1, false),
        ("nothing after a chunked body", &[&chunked], 1, false),
        ("nothing after two", &[&get, &whole], 2, false),
    ];
    let mut checks = Vec::new();
    for (why, parts, answers, expected) in rows {
        let (sent, service) = (parts.concat(), &service);
        // Shorter than the idle time, and longer than the header time.
        let within = Duration::from_secs(if expected { 30 } else { 3 });
        checks.push(async move {
            let closed = closes_after(service, &sent, answers, within).await;
            assert_eq!(closed, expected, "{why}");
        });
    }
    for check in checks {
        check.await;
    }
}

#[tokio::test]
async fn l4_the_second_half_of_a_request_completes_it() {
    let service = Service::start().await;
    let whole = TestRequest::portal(service.key(), RETURN_URL).to_bytes();
    for split in [1, 20, whole.len() / 2, whole.len() - 1] {
        let mut connection = ClientConnection::open(service.api())
            .await
            .expect("it listens");
        let first = [&whole[..], b"\r\n", &whole[..split]].concat();
        connection.send(&first).await.expect("it reads");
        let answer = connection
            .response("POST", RESPONSE_LIMIT)
            .await
            .expect("the first answer");
        assert_eq!(answer.status, 200, "{split}");
        connection.send(&whole[split..]).await.expect("it reads");
        let answer = connection
            .response("POST", RESPONSE_LIMIT)
            .await
            .expect("the second answer");
        assert_eq!(answer.status, 200, "{split}");
    }
    // While the first is being answered, byte for byte.
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    for byte in whole.repeat(3) {
        connection.send(&[byte]).await.expect("it reads");
    }
    for _ in 0..3 {
        let answer = connection
            .response("POST", RESPONSE_LIMIT)
            .await
            .expect("an answer");
        assert_eq!(answer.status, 200);
    }
}
