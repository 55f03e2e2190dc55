//! What callers and Stripe send all the time, and what they were answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use billing_portal_tests::http_client;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::running::Addresses;
use crate::harness::webhook::{customer, event, signed, unix_time};

/// No request takes longer, whatever breaks.
const RESPONSE_LIMIT: Duration = Duration::from_mins(1);
/// Between two requests of one sender.
const PAUSE: Duration = Duration::from_millis(15);
/// Callers with a good key.
pub(super) const CALLERS: usize = 4;

/// What was answered.
#[derive(Default)]
pub(super) struct Seen {
    /// The ids of the requests that opened a portal.
    pub(super) opened: Vec<String>,
    /// The portals' URLs.
    urls: BTreeSet<String>,
    /// The webhooks that were answered 200, by their numbers.
    pub(super) stored: BTreeSet<usize>,
    /// How many of the callers' requests got each status; 0: none.
    pub(super) statuses: BTreeMap<u16, usize>,
    /// What nobody may be answered.
    pub(super) wrong: Vec<String>,
}

/// Who sends, and where to.
pub(super) struct Senders {
    pub(super) addresses: Mutex<Addresses>,
    /// Keys of organizations with customers.
    pub(super) keys: Vec<String>,
    /// A key that was revoked.
    pub(super) revoked: String,
    seen: Mutex<Seen>,
    /// No new requests are sent for now.
    pub(super) paused: AtomicBool,
    stopping: AtomicBool,
}

/// Requests that are sent until they are stopped.
pub(super) struct Load {
    pub(super) senders: Arc<Senders>,
    sending: JoinSet<()>,
}

impl Load {
    pub(super) fn start(addresses: Addresses, keys: Vec<String>, revoked: String) -> Self {
        let senders = Arc::new(Senders {
            addresses: Mutex::new(addresses),
            keys,
            revoked,
            seen: Mutex::default(),
            paused: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        });
        let mut sending = JoinSet::new();
        for number in 0..CALLERS {
            sending.spawn(Arc::clone(&senders).call(number));
        }
        sending.spawn(Arc::clone(&senders).call_wrongly());
        sending.spawn(Arc::clone(&senders).deliver());
        Self { senders, sending }
    }

    /// Stops sending, after the requests in progress were answered.
    pub(super) async fn stop(self) -> Arc<Senders> {
        self.senders.stopping.store(true, Ordering::Relaxed);
        self.sending.join_all().await;
        self.senders
    }
}

impl Senders {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// How many requests got this status.
    pub(super) fn count(&self, status: u16) -> usize {
        self.seen().statuses.get(&status).copied().unwrap_or(0)
    }

    /// Waits until one more request gets this status.
    pub(super) async fn until(&self, status: u16) {
        let before = self.count(status);
        let waiting = async {
            while self.count(status) == before {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(RESPONSE_LIMIT, waiting).await;
        assert!(waited.is_ok(), "no {status} within {RESPONSE_LIMIT:?}");
    }

    pub(super) fn addresses(&self) -> Addresses {
        *lock(&self.addresses)
    }

    async fn pause(&self) -> bool {
        sleep(PAUSE).await;
        while self.paused.load(Ordering::Relaxed) {
            sleep(PAUSE).await;
        }
        !self.stopping.load(Ordering::Relaxed)
    }

    /// Opens portals. Whatever breaks, a good request is answered 200, 502 or 503, or not at all.
    async fn call(self: Arc<Self>, number: usize) {
        let request = TestRequest::portal(&self.keys[number % self.keys.len()], RETURN_URL);
        while self.pause().await {
            let answer = self.send(&request).await;
            let mut seen = self.seen();
            let status = answer.as_ref().map_or(0, |answer| answer.status);
            *seen.statuses.entry(status).or_default() += 1;
            match answer {
                Some(answer) if answer.status == 200 => seen.open(&answer),
                Some(answer) if !matches!(answer.status, 502 | 503) => {
                    seen.wrong.push(format!("{status}: {}", answer.text()));
                }
                _ => {}
            }
        }
    }

    /// Sends what must be refused: a revoked key, and a return URL that is not listed.
    async fn call_wrongly(self: Arc<Self>) {
        let requests = [
            (TestRequest::portal(&self.revoked, RETURN_URL), 401),
            (
                TestRequest::portal(&self.keys[0], "https://evil.test/"),
                422,
            ),
        ];
        while self.pause().await {
            for (request, refusal) in &requests {
                if let Some(answer) = self.send(request).await
                    && ![*refusal, 503].contains(&answer.status)
                {
                    let wrong = format!("{} instead of {refusal}", answer.status);
                    self.seen().wrong.push(wrong);
                }
            }
        }
    }

    /// Delivers an event about each customer until it is answered 200, as Stripe does.
    async fn deliver(self: Arc<Self>) {
        let mut number = 0;
        while self.pause().await {
            let object = customer(&format!("cus_{number}"), &format!("org-{number}"));
            let id = format!("evt_{number}");
            let delivery = signed(&event(&id, "customer.updated", unix_time() + 1, &object));
            let answer = self.send(&delivery).await;
            if answer.is_some_and(|answer| answer.status == 200) {
                self.seen().stored.insert(number);
                number += 1;
            }
        }
    }

    async fn send(&self, request: &TestRequest) -> Option<TestResponse> {
        let api = self.addresses().api;
        http_client::exchange(api, request, RESPONSE_LIMIT).await
    }
}

impl Seen {
    fn open(&mut self, answer: &TestResponse) {
        let url = answer.json()["data"]["portal_url"].to_string();
        if !self.urls.insert(url) {
            self.wrong.push("a URL that was given before".to_owned());
        }
        self.opened.push(answer.request_id().to_owned());
    }
}

/// A sender that panics fails its test by itself.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
