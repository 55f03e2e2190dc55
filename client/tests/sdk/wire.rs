//! A server that answers from a script, byte by byte, so that it can break the rules.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Writes these bytes and closes the connection.
    Whole(String),
    /// Writes these bytes and then nothing more, with the connection open.
    Stalled(String),
    /// Writes these bytes and resets the connection.
    Reset(String),
}

/// The scripted server. It ends with the test's runtime.
pub(crate) struct Wire {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    /// Answers the requests in the order of the script; its last reply is for all that follow.
    pub(crate) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let script: Vec<Reply> = script.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let (script, seen) = (script.clone(), Arc::clone(&seen));
                tokio::spawn(async move { serve(stream, &script, &seen).await });
            }
        });
        Self { address, requests }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics here").clone()
    }
}

async fn serve(mut stream: TcpStream, script: &[Reply], seen: &Mutex<Vec<String>>) {
    let request = read_request(&mut stream).await;
    let index = {
        let mut seen = seen.lock().expect("no test panics here");
        seen.push(request);
        seen.len() - 1
    };
    // The client may give up at any time, which is what some tests are about.
    match script.get(index).or(script.last()).expect("a script") {
        Reply::Whole(bytes) => {
            stream.write_all(bytes.as_bytes()).await.unwrap_or_default();
        }
        Reply::Stalled(bytes) => {
            stream.write_all(bytes.as_bytes()).await.unwrap_or_default();
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        Reply::Reset(bytes) => {
            stream.write_all(bytes.as_bytes()).await.unwrap_or_default();
            // What was written must arrive before the reset does.
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.set_zero_linger().expect("an open socket");
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = String::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length =
                header(head, "content-length").map_or(0, |value| value.parse().expect("a number"));
            if body.len() >= length {
                return request;
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return request,
            Ok(count) => request += std::str::from_utf8(&chunk[..count]).expect("ASCII"),
        }
    }
}

/// A header of a request's or an answer's head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let of_that_name = |line: &'a str| {
        line.split_once(": ")
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
    };
    head.lines().find_map(of_that_name).map(|(_, value)| value)
}

/// A whole answer: `headers` are lines of their own, each with its line end.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} \r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

/// An answer of the service: JSON with a request id.
pub(crate) fn json(status: u16, headers: &str, body: &str) -> Reply {
    let headers = format!(
        "Content-Type: application/json\r\nX-Request-Id: 01JTBQH2FZ8K1RXC0WJ4Z9P3VM\r\n{headers}"
    );
    Reply::Whole(answer(status, &headers, body))
}

/// An error of the service.
pub(crate) fn refusal(status: u16, code: &str, headers: &str) -> Reply {
    let body = format!(
        r#"{{"success":false,"error":{{"code":"{code}","message":"no","request_id":"01JTBQH2FZ8K1RXC0WJ4Z9P3VM"}}}}"#
    );
    json(status, headers, &body)
}

/// The portal's URL in [`opened`].
pub(crate) const PORTAL_URL: &str = "https://billing.stripe.com/p/session/bps_test_0123456789";

/// A success: a session that expires five minutes after the answer.
pub(crate) fn opened() -> Reply {
    json(
        200,
        "Date: Fri, 22 May 2026 12:25:00 GMT\r\n",
        &session(PORTAL_URL),
    )
}

/// The body of a success.
pub(crate) fn session(portal_url: &str) -> String {
    format!(
        r#"{{"success":true,"data":{{"portal_url":"{portal_url}","expires_at":"2026-05-22T12:30:00Z"}}}}"#
    )
}
