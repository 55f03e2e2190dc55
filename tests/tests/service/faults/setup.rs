//! A service of its own for each case, so that breaker, budget and limits are fresh, beside a faulty Stripe.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};

use super::assertions::assert_response;
use super::case::{CONFIGURATION, CUSTOMER, Case};
use crate::harness::faulty_stripe::{FaultyStripe, tls::Front};
use crate::harness::log::Log;
use crate::harness::process::Process;
use crate::harness::service::{Service, assert_contract, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};

/// An answer, and how long it took.
pub(super) type Timed = (TestResponse, Duration);

/// The service in this process, or a process of its own beside it, which then is the one that is asked.
pub(super) struct Setup {
    pub(super) service: Service,
    pub(super) faulty: FaultyStripe,
    pub(super) process: Option<Process>,
    log: Log,
    /// Its connections end with it.
    front: Option<Front>,
}

impl Setup {
    /// Starts what the case needs; nothing fails yet.
    pub(super) async fn of(case: &Case, log: &Log) -> Self {
        Self::with(case, log, &[]).await
    }

    /// The same with further settings.
    pub(super) async fn with(case: &Case, log: &Log, settings: &[(&str, &str)]) -> Self {
        let faulty = FaultyStripe::start().await;
        _ = faulty
            .simulated
            .add_configuration(&json!({ "id": CONFIGURATION }));
        let mut builder = Service::builder()
            .stripe(&faulty.simulated)
            .set("STRIPE_PORTAL_CONFIGURATION", CONFIGURATION)
            .customer(CUSTOMER)
            .api_base(&faulty.api_base())
            .resolver(faulty.resolver());
        if let Some(config) = &case.expect.config {
            builder = builder.set("STRIPE_PORTAL_HOSTS", &config.portal_hosts.join(","));
        }
        for (name, value) in settings {
            builder = builder.set(name, value);
        }
        let service = builder.start().await;
        // From now on the key is known to be good. Keys that are not are looked up a few at a time, so that on a busy
        // machine some of a hundred callers with a new key would be refused.
        let wrong = TestRequest::portal(service.key(), RETURN_URL).with_body("{}");
        service
            .send(&wrong)
            .await
            .assert_invalid("return_url", "is required");
        let mut setup = Self {
            service,
            faulty,
            process: None,
            log: log.clone(),
            front: None,
        };
        if case.is_encrypted() {
            setup.encrypt().await;
        }
        setup
    }

    /// Another process serves from now on, and reaches Stripe through encrypted connections.
    async fn encrypt(&mut self) {
        let front = self.faulty.encrypted().await;
        let authority = front.authority().display().to_string();
        let settings = [("STRIPE_API_BASE", front.api_base.as_str())];
        let environment = [("SSL_CERT_FILE", authority.as_str())];
        let process = Process::in_environment(&self.service, &settings, &environment);
        self.process = Some(process.await);
        self.front = Some(front);
    }

    /// Another process serves from now on, so that it can be terminated.
    pub(super) async fn in_a_process(&mut self) {
        // The system's resolver may not know `localhost`.
        let base = self.faulty.api_base().replace("localhost", "127.0.0.1");
        let process = Process::beside(&self.service, &[("STRIPE_API_BASE", &base)]).await;
        self.process = Some(process);
    }

    pub(super) fn api(&self) -> SocketAddr {
        let process = self.process.as_ref();
        process.map_or_else(|| self.service.api(), |process| process.api)
    }

    pub(super) fn operations(&self) -> SocketAddr {
        let process = self.process.as_ref();
        process.map_or_else(|| self.service.operations(), |process| process.operations)
    }

    /// One caller opens the portal.
    pub(super) async fn call(&self) -> Timed {
        call(self.api(), self.service.key()).await
    }

    /// This many callers call at once.
    pub(super) fn ask_at_once(&self, callers: usize) -> JoinSet<Timed> {
        let mut asking = JoinSet::new();
        for _ in 0..callers {
            let (api, key) = (self.api(), self.service.key().to_owned());
            asking.spawn(async move { call(api, &key).await });
        }
        asking
    }

    /// As many callers as the case says call at once, and each response is what the case says. Returns their number.
    pub(super) async fn call_at_once_and_assert(&self, case: &Case) -> usize {
        let callers = case.steps()[0].requests.expect("the case says it");
        for (answer, elapsed) in &self.ask_at_once(callers).join_all().await {
            assert_response(case, answer, *elapsed);
        }
        callers
    }

    /// Everything at /metrics that is not zero, by its name with labels.
    pub(super) async fn metrics(&self) -> BTreeMap<String, u64> {
        let answer = send(self.operations(), &TestRequest::get("/metrics")).await;
        let counted = answer.text().lines().filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let value = value.parse().ok().filter(|value| *value > 0)?;
            Some((name.to_owned(), value))
        });
        counted.collect()
    }

    /// How many requests were answered 502, by cause.
    pub(super) async fn unavailable(&self) -> BTreeMap<String, u64> {
        let metrics = self.metrics().await;
        let of_a_cause = |(name, count): (String, u64)| {
            let label = name.strip_prefix("billing_portal_unavailable_total{upstream_cause=\"")?;
            Some((label.strip_suffix("\"}")?.to_owned(), count))
        };
        metrics.into_iter().filter_map(of_a_cause).collect()
    }

    /// What this process logged so far.
    pub(super) fn log(&self) -> String {
        self.log.text()
    }

    /// Stops everything; returns all that the serving process logged.
    pub(super) async fn end(self) -> String {
        let Some(process) = self.process else {
            return self.log.text();
        };
        process.terminate().await;
        process.end().await.1
    }
}

async fn call(api: SocketAddr, key: &str) -> Timed {
    let request = TestRequest::portal(key, RETURN_URL);
    let began = Instant::now();
    let answer = send(api, &request).await;
    let elapsed = began.elapsed();
    assert_contract(&request, &answer);
    (answer, elapsed)
}
