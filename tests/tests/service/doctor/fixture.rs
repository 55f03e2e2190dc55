//! A deployment in order, which a test spoils in one way, and what it may claim of `doctor` then.

use std::collections::BTreeMap;

use billing_portal_tests::stripe::{Endpoint, Reply, SimulatedStripe};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::command::{self, Outcome};

/// The checks, in their order.
pub(super) const CHECKS: [&str; 14] = [
    "configuration",
    "database",
    "return_url_allow_list",
    "stripe_secret",
    "webhook_secret",
    "stripe_reachable",
    "stripe_credentials",
    "stripe_permission",
    "stripe_mode",
    "portal_configuration",
    "clock",
    "customer_conflicts",
    "mapping_times",
    "portal_profiles",
];

/// A deployment in order, which each test spoils.
pub(super) struct Fixture {
    settings: BTreeMap<String, String>,
    pub(super) stripe: SimulatedStripe,
    directory: TempDir,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::with_secret("rk_live_simulated0000000000000000").await
    }

    pub(super) async fn with_secret(secret: &str) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let stripe = SimulatedStripe::builder().secret(secret).start().await;
        let stripe = stripe.expect("a free port");
        let fixture = Self {
            settings: BTreeMap::new(),
            stripe,
            directory,
        };
        let database = format!("sqlite://{}", fixture.path("x.db"));
        let (secret, api_base) = (fixture.stripe.secret(), fixture.stripe.api_base());
        let fixture = fixture
            .set("DATABASE_URL", &database)
            .set("STRIPE_SECRET_KEY", &secret)
            .set("STRIPE_API_BASE", &api_base)
            .set("STRIPE_WEBHOOK_SECRET", "whsec_simulated")
            .set("RETURN_URL_ALLOW_LIST", "https://app.example.com");
        let created = fixture.run(&["org", "create", "--name", "Acme"]).await;
        assert_eq!(created.code, 0, "{}", created.stderr);
        fixture
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    pub(super) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Stripe answers so at both endpoints.
    pub(super) fn answered(self, reply: &Reply) -> Self {
        for endpoint in [Endpoint::Configurations, Endpoint::Sessions] {
            self.stripe.answer_always(endpoint, reply.clone());
        }
        self
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Outcome {
        let outcome = command::run(arguments, &command::variables(&self.settings)).await;
        let made = self.stripe.received();
        let made = made.iter().filter(|call| call.method == "POST");
        for call in made {
            let customer = call.field("customer");
            assert_eq!(customer, Some("cus_of_nobody"), "nothing is changed");
        }
        let secret = self.stripe.secret();
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        for unseen in [&secret[8..], "whsec_simulated", "No such", "UNSEEN"] {
            assert!(!said.contains(unseen), "{unseen} in {said}");
        }
        outcome
    }

    /// The checks by their names, after what holds for every report.
    pub(super) async fn checks(&self) -> BTreeMap<String, Value> {
        let outcome = self.run(&["doctor", "--json"]).await;
        let report: Value = serde_json::from_str(&outcome.stdout).expect("one JSON value");
        let checks = report["checks"].as_array().expect("a list");
        let names: Vec<&str> = checks
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(names, CHECKS);
        let ok = checks.iter().all(|check| check["ok"] == true);
        assert_eq!((&report["ok"], outcome.code), (&json!(ok), u8::from(!ok)));
        assert_eq!(outcome.stderr, "");
        let labelled = checks.iter().cloned();
        labelled
            .map(|check| (check["name"].as_str().unwrap_or_default().to_owned(), check))
            .collect()
    }

    /// Claims the whole of one check that fails, that these wait for it, and that all others are ok.
    pub(super) async fn assert_failure(
        &self,
        name: &str,
        detail: &str,
        fix: &str,
        waiting: &[&str],
    ) {
        let failing = json!({ "name": name, "ok": false, "detail": detail, "fix": fix });
        for (other, check) in self.checks().await {
            if other == name {
                assert_eq!(check, failing);
            } else if waiting.contains(&other.as_str()) {
                let detail = format!("skipped: {name} failed");
                let fix = format!("fix {name} first");
                let expected = json!({ "name": other, "ok": false, "detail": detail, "fix": fix });
                assert_eq!(check, expected, "while {name} fails");
            } else {
                assert_eq!(check["ok"], true, "{check} while {name} fails");
            }
        }
    }

    /// Makes the configuration, as serve does, and forgets that.
    pub(super) async fn run_ensure(&self) {
        let arguments = ["portal-config", "ensure"];
        let outcome = command::run(&arguments, &command::variables(&self.settings)).await;
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        self.stripe.forget_received();
    }
}
