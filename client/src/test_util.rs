//! A fake of the service for your own tests: it answers what the contract documents, over a real connection.
//!
//! Each answer is the contract's example, status, headers and body, so it is what the service sends. The fake's clock
//! stands still five minutes before the example's `expires_at`, so that the session of a success is fresh.
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

use crate::documented::Outcome;
use crate::outcomes::OUTCOMES;
use crate::{Client, ClientBuilder, ErrorCode};

/// A key with a right checksum that no service knows.
pub const API_KEY: &str = "am_test_0000000000000000000000000000001EuB8u";

/// The service, as far as its callers can tell. It ends when it is dropped.
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
    /// Starts on a free port of the loopback address. Every call opens a portal until the fake is told otherwise.
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

    /// The next request alone is refused with this code; said twice, the next two. A client that retries gets over it.
    ///
    /// # Panics
    /// If the contract documents no answer with this code.
    pub fn refuse_once(&self, code: &ErrorCode) {
        lock(&self.state.once).push_back(documented(code));
    }

    /// Every code that [`refuse`](Self::refuse) takes: those that the operation documents.
    pub fn documented_codes() -> impl Iterator<Item = ErrorCode> {
        OUTCOMES
            .iter()
            .filter_map(|outcome| outcome.code)
            .map(ErrorCode::from)
    }

    /// A client of this server that never retries, so that a refusal is seen at once.
    ///
    /// # Panics
    /// Never: what it is built with is right.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder()
            .max_retries(0)
            .build()
            .expect("a key and a loopback address")
    }

    /// A builder with this server's address and [`API_KEY`], for a client of your own making.
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
        // Wakes the thread that waits for a connection; if that fails the thread is gone already.
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
        // A client that goes away in the middle is nobody's failure.
        thread::spawn(move || serve(&stream, &state).unwrap_or_default());
    }
}

/// Answers the requests of one connection until its client closes it.
fn serve(stream: &TcpStream, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(body) = read_request(&mut reader)? {
        let return_url = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
        lock(&state.return_urls).push(
            return_url["return_url"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
        let once = lock(&state.once).pop_front();
        let outcome = once.or(*lock(&state.lasting)).unwrap_or_else(success);
        let mut writer = stream;
        writer.write_all(answer(outcome).as_bytes())?;
    }
    Ok(())
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

/// Five minutes before the documented session expires, as `Date` spells it.
fn date() -> String {
    let session: serde_json::Value = serde_json::from_str(success().body).unwrap_or_default();
    let expires_at = session["data"]["expires_at"].as_str().unwrap_or_default();
    let expires_at = DateTime::parse_from_rfc3339(expires_at)
        .unwrap_or_default()
        .to_utc();
    (expires_at - TimeDelta::minutes(5))
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
