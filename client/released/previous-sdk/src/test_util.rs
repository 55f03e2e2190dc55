//! A fake server for your own tests: it sends the answers that the contract documents, over a real connection.
//!
//! Each answer is the contract's example: status, headers and body. The fake's clock stands still five minutes before
//! the example's `expires_at`, so that the session of a success is fresh.
//!
//! ```
//! use billing_portal_client::ErrorCode;
//! use billing_portal_client::test_util::FakeServer;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let server = FakeServer::start()?;
//! let client = server.client();
//! assert!(client.create_portal_session("https://app.example.com/billing").await.is_ok());
//!
//! server.refuse(&ErrorCode::NoStripeCustomer);
//! let error = client.create_portal_session("https://app.example.com/billing").await.unwrap_err();
//! assert_eq!(error.code(), Some(&ErrorCode::NoStripeCustomer));
//! assert_eq!(server.return_urls(), ["https://app.example.com/billing"; 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use chrono::{DateTime, TimeDelta};

use crate::builder::ClientBuilder;
use crate::client::Client;
use crate::documented::Outcome;
use crate::error_code::ErrorCode;
use crate::outcomes::OUTCOMES;

/// A key with a valid checksum that no service knows.
pub const API_KEY: &str = "am_test_0000000000000000000000000000001EuB8u";

/// A fake of the service. It stops when it is dropped.
#[derive(Debug)]
pub struct FakeServer {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Answers for the next requests, one each; then `lasting`.
    once: Mutex<VecDeque<&'static Outcome>>,
    lasting: Mutex<Option<&'static Outcome>>,
    return_urls: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

impl FakeServer {
    /// Starts on a free port of the loopback address. Every call opens a portal until [`refuse`](Self::refuse) is called.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::Builder::new()
            .name("fake billing portal".to_owned())
            .spawn(move || accept(&listener, &shared))?;
        Ok(Self { address, state })
    }

    /// From now on every call opens a portal.
    pub fn open(&self) {
        *lock(&self.state.lasting) = None;
        lock(&self.state.once).clear();
    }

    /// From now on every call is refused with this code.
    ///
    /// # Panics
    /// If the contract documents no answer with this code.
    pub fn refuse(&self, code: &ErrorCode) {
        *lock(&self.state.lasting) = Some(documented(code));
        lock(&self.state.once).clear();
    }

    /// The next request is refused with this code, the requests after it are not; call it twice for the next two
    /// requests. A client that retries succeeds.
    ///
    /// # Panics
    /// If the contract documents no answer with this code.
    pub fn refuse_once(&self, code: &ErrorCode) {
        lock(&self.state.once).push_back(documented(code));
    }

    /// Every code that [`refuse`](Self::refuse) accepts: the operation's documented codes.
    pub fn documented_codes() -> impl Iterator<Item = ErrorCode> {
        OUTCOMES
            .iter()
            .filter_map(|outcome| outcome.code)
            .map(ErrorCode::from)
    }

    /// A client of this server that never retries, so that each error is returned at once.
    ///
    /// # Panics
    /// Never: its settings are valid.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder()
            .max_retries(0)
            .build()
            .expect("a key and a loopback address")
    }

    /// A builder with this server's address and [`API_KEY`], for a client with your settings.
    pub fn client_builder(&self) -> ClientBuilder {
        Client::builder().api_key(API_KEY).base_url(self.base_url())
    }

    /// Where the fake listens, for `BILLING_PORTAL_BASE_URL`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The `return_url` of each request so far.
    #[must_use]
    pub fn return_urls(&self) -> Vec<String> {
        lock(&self.state.return_urls).clone()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection. If that fails, the thread has ended already.
        drop(TcpStream::connect(self.address));
    }
}

fn documented(code: &ErrorCode) -> &'static Outcome {
    let found = OUTCOMES
        .iter()
        .find(|outcome| outcome.code == Some(code.as_str()));
    found.unwrap_or_else(|| panic!("the contract documents no answer with the code {code}"))
}

fn success() -> &'static Outcome {
    OUTCOMES
        .iter()
        .find(|outcome| outcome.code.is_none())
        .expect("the contract has an example of a success")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming().flatten() {
        if state.stopped.load(Ordering::SeqCst) {
            return;
        }
        let state = Arc::clone(state);
        thread::spawn(move || {
            // The client may disconnect at any time; that is not an error of the fake.
            drop(serve(&stream, &state));
        });
    }
}

/// Answers the requests of one connection until its client closes it.
fn serve(stream: &TcpStream, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(body) = read_request(&mut reader)? {
        lock(&state.return_urls).push(return_url(&body));
        let once = lock(&state.once).pop_front();
        let outcome = once.or(*lock(&state.lasting)).unwrap_or_else(success);
        let mut writer = stream;
        writer.write_all(answer(outcome).as_bytes())?;
    }
    Ok(())
}

/// The `return_url` of a request; empty if the body has none.
fn return_url(body: &[u8]) -> String {
    let body = serde_json::from_slice(body).unwrap_or(serde_json::Value::Null);
    body["return_url"].as_str().unwrap_or("").to_owned()
}

/// The body of the next request; `None` once the client has closed the connection.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.is_empty() {
            let mut body = Vec::new();
            reader.take(length).read_to_end(&mut body)?;
            return Ok(Some(body));
        }
    }
}

fn answer(outcome: &Outcome) -> String {
    let headers: Vec<String> = outcome
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "HTTP/1.1 {} \r\nContent-Type: application/json\r\nContent-Length: {}\r\nDate: {}\r\n{}\r\n{}",
        outcome.status,
        outcome.body.len(),
        date(),
        headers.concat(),
        outcome.body,
    )
}

/// Five minutes before the documented session expires, in the format of `Date`.
fn date() -> String {
    let session: serde_json::Value =
        serde_json::from_str(success().body).expect("the contract's example is JSON");
    let expires_at = session["data"]["expires_at"].as_str();
    let expires_at = DateTime::parse_from_rfc3339(expires_at.expect("the example has a time"))
        .expect("the example's time is one");
    (expires_at.to_utc() - TimeDelta::minutes(5))
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
