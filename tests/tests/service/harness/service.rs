//! The real service in this process, beside a simulated Stripe, on free loopback ports, with a database of its own.

mod builder;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use billing_portal_server::Service as RunningService;
use billing_portal_tests::stripe::{Endpoint, Received, SimulatedStripe};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use builder::Builder;

use super::command::{self, Outcome};
use super::test_database::TestDatabase;
use super::{contract, coverage};
use billing_portal_tests::http_client;
use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::http_message::TestResponse;

/// No answer takes longer, whatever Stripe does.
const RESPONSE_LIMIT: Duration = Duration::from_secs(40);

/// The configuration file in the service's folder, if the test has one.
const CONFIG: &str = "billing-portal.toml";

/// A running service with one organization, `acme`, which has a customer and a key.
pub(crate) struct Service {
    pub(crate) stripe: Arc<SimulatedStripe>,
    running: RunningService,
    variables: Vec<(String, String)>,
    database: TestDatabase,
    directory: TempDir,
    key: String,
}

impl Service {
    /// Where the API listens.
    pub(crate) fn api(&self) -> SocketAddr {
        self.running.api_address()
    }

    /// Where health and readiness are reported.
    pub(crate) fn operations(&self) -> SocketAddr {
        self.running.operations_address()
    }

    /// A key of `acme` with the scope.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The settings, as a process of its own would get them.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// The database's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.database.file().to_owned()
    }

    /// The database's URL.
    pub(crate) fn database_url(&self) -> String {
        self.database.url()
    }

    /// The service's folder, which goes with it.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file of this name in the service's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes an organization, with a customer at Stripe or without; answers a key with the scope.
    pub(crate) async fn organization(&self, id: &str, customer: Option<&str>) -> String {
        self.run(&["org", "create", "--id", id, "--name", id]).await;
        if let Some(customer) = customer {
            self.stripe.add_customer(customer);
            self.run(&["customer", "link", "--org", id, customer]).await;
        }
        self.new_key(id, &["billing:write"]).await
    }

    /// Makes a key.
    pub(crate) async fn new_key(&self, organization: &str, scopes: &[&str]) -> String {
        let mut arguments = vec!["key", "create", "--org", organization];
        arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        let created = self.run(&arguments).await;
        created["key"]
            .as_str()
            .expect("the key is shown once")
            .to_owned()
    }

    /// Runs a command that must succeed; answers what it printed with `--json`.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Value {
        let outcome = self.command(&[arguments, &["--json"]].concat()).await;
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
        serde_json::from_str(&outcome.stdout).expect("one JSON value")
    }

    /// Runs a command with the service's settings.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Outcome {
        let file = self.directory.path().join(CONFIG);
        let file = file.to_str().expect("a folder of ours is text");
        let config = ["--config", file];
        let config = if fs::exists(file).is_ok_and(|exists| exists) {
            &config[..]
        } else {
            &[]
        };
        command::run(&[config, arguments].concat(), &self.variables).await
    }

    /// Asks for the portal with the key of `acme`.
    pub(crate) async fn create_portal_session(&self, return_url: &str) -> TestResponse {
        self.send(&TestRequest::portal(&self.key, return_url)).await
    }

    /// Sends a request to the API and holds the answer to the contract.
    pub(crate) async fn send(&self, request: &TestRequest) -> TestResponse {
        let answer = send(self.api(), request).await;
        assert_contract(request, &answer);
        answer
    }

    /// What /readyz says.
    pub(crate) async fn readiness(&self) -> TestResponse {
        send(self.operations(), &TestRequest::get("/readyz")).await
    }

    /// The calls for sessions that arrived at Stripe.
    pub(crate) fn sessions(&self) -> Vec<Received> {
        self.stripe.received_at(Endpoint::Sessions)
    }

    /// Stops the service as SIGTERM does.
    pub(crate) async fn drain(self) {
        self.running.drain().await;
    }
}

/// Sends a request on a connection of its own, all of it, and reads the response.
pub(crate) async fn send(address: SocketAddr, request: &TestRequest) -> TestResponse {
    let response = http_client::exchange(address, request, RESPONSE_LIMIT).await;
    response.expect("the service listens and responds")
}

/// Holds an answer of the API to the contract, and records it.
#[track_caller]
pub(crate) fn assert_contract(request: &TestRequest, answer: &TestResponse) {
    let exchange = coverage::exchange(request, answer, None);
    coverage::record(&exchange);
    let problems = contract::problems(&exchange);
    assert!(
        problems.is_empty(),
        "{} {}: {}\n{}",
        answer.status,
        request.path,
        problems.join("; "),
        answer.text()
    );
}
