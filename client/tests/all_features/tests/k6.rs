//! K6: what the SDK sends is the same whatever features of reqwest are on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use billing_portal_client::{Client, Error, PortalSession};

const KEY: &str = "am_test_0000000000000000000000000000001EuB8u";
const RETURN_URL: &str = "https://app.example.com/settings/billing";
const BODY: &str = r#"{"success":true,"data":{"portal_url":"https://billing.stripe.com/p/x","expires_at":"2026-05-22T12:30:00Z"}}"#;

/// The lines of a request's head; then the answer, which sets a cookie.
fn answer(stream: &TcpStream) -> Vec<String> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a request");
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = head.iter().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    let length: usize = length.expect("a length").parse().expect("a number");
    reader.read_exact(&mut vec![0; length]).expect("a body");
    let mut writer = stream;
    write!(
        writer,
        "HTTP/1.1 200 \r\nSet-Cookie: a=b; Path=/\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
    .expect("the client reads");
    head
}

async fn call(client: &Client) -> Result<PortalSession, Error> {
    client.create_portal_session(RETURN_URL).await
}

#[tokio::test]
async fn k6_the_same_headers_are_sent_and_no_cookie_returns() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let server = thread::spawn(move || {
        let requests = listener.incoming().take(2);
        requests
            .map(|stream| answer(&stream.expect("a connection")))
            .collect::<Vec<_>>()
    });
    let client = Client::builder()
        .api_key(KEY)
        .base_url(format!("http://{address}"))
        .build()
        .expect("valid settings");
    call(&client).await.expect("a session");
    call(&client).await.expect("a session");
    for mut head in server.join().expect("no panic") {
        assert_eq!(head.remove(0), "POST /v1/billing/portal HTTP/1.1");
        let mut names: Vec<_> = head
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        names.sort();
        let expected = [
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
        ];
        assert_eq!(names, expected);
    }
}

/// The first message of TLS lists the protocols in the clear.
#[tokio::test]
async fn k6_tls_offers_http_1_1_only() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("a bound socket").port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut hello = vec![0; 16 * 1024];
        let length = stream.read(&mut hello).expect("a message");
        hello.truncate(length);
        hello
    });
    let client = Client::builder()
        .api_key(KEY)
        .base_url(format!("https://localhost:{port}"))
        .max_retries(0)
        .build()
        .expect("valid settings");
    call(&client).await.expect_err("the server hangs up");
    let hello = server.join().expect("no panic");
    let contains = |protocol: &[u8]| hello.windows(protocol.len()).any(|bytes| bytes == protocol);
    assert!(contains(b"\x08http/1.1"));
    assert!(!contains(b"\x02h2"));
}

/// The test above is worth nothing if the features are off.
#[tokio::test]
async fn k6_a_plain_reqwest_client_sends_more() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let server = thread::spawn(move || answer(&listener.accept().expect("a connection").0));
    let request = reqwest::Client::new()
        .post(format!("http://{address}/"))
        .body("x");
    request.send().await.expect("an answer");
    let head = server.join().expect("no panic");
    let accepted = head
        .iter()
        .find_map(|line| line.strip_prefix("accept-encoding: "));
    assert_eq!(accepted, Some("zstd,gzip,deflate,br"));
}
